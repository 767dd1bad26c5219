using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace Electra.Configuration;

/// <summary>What a value of a configuration may be: the shape of a .NET type, as the binder, the writer and the help see it.</summary>
/// <param name="Type">The .NET type.</param>
/// <param name="IsNullable">Whether <c>null</c> is a value.</param>
internal abstract record ConfigType(Type Type, bool IsNullable)
{
    /// <summary>What is allowed, as a noun phrase: "a whole number", "one of electra_pytorch, google".</summary>
    public abstract string Expectation { get; }

    /// <summary>The same as a whole sentence, with the keys of a mapping in lines below it.</summary>
    public virtual string Expected => $"{Expectation} is expected";
}

/// <summary>A number, a word, true or false, one name of an enumeration, or any type with a static <c>Parse(string)</c>.</summary>
internal sealed record ConfigScalarType(Type Type, bool IsNullable, ScalarFormat Format) : ConfigType(Type, IsNullable)
{
    public override string Expectation => Format.Expectation;
}

/// <summary>A list, written as <c>[a, b]</c>, as one item alone, or (of whole numbers) as a range <c>0..9</c>.</summary>
internal sealed record ConfigListType(Type Type, bool IsNullable, ConfigType Item) : ConfigType(Type, IsNullable)
{
    public override string Expectation => $"a list of: {Item.Expectation}";
}

/// <summary>Values by name.</summary>
internal sealed record ConfigDictionaryType(Type Type, bool IsNullable, ConfigType Value) : ConfigType(Type, IsNullable)
{
    public override string Expectation => $"names with values, each {Value.Expectation}";
}

/// <summary>A record: a fixed set of keys. One with a static <c>Parse(string)</c> can be written as a scalar too.</summary>
internal sealed record ConfigRecordType(Type Type, bool IsNullable, ScalarFormat? ShortForm) : ConfigType(Type, IsNullable)
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<ConfigKey>> KeysByType = [];

    /// <summary>The settable properties in the order of their declaration, those of base records first.</summary>
    public IReadOnlyList<ConfigKey> Keys => KeysByType.GetOrAdd(Type, ConfigKey.Of);

    /// <summary>The full dotted names of all keys, those of nested records too.</summary>
    public IEnumerable<string> FullNames(string prefix = "", params IEnumerable<Type> around) =>
        Keys.SelectMany(key => key.Type is ConfigRecordType nested && !around.Contains(nested.Type)
            ? nested.FullNames($"{prefix}{key.Name}.", [.. around, Type]).Prepend(prefix + key.Name)
            : [prefix + key.Name]);

    /// <summary>Whether a run with another value of a key, by full dotted name, learns something else; a key of no record may.</summary>
    public bool ChangesLearning(string fullName)
    {
        var parts = fullName.Split('.', 2);
        return Keys.FirstOrDefault(key => key.Name == parts[0]) is not { } key
            || (key.ChangesLearning && (parts.Length == 1 || key.Type is not ConfigRecordType nested || nested.ChangesLearning(parts[1])));
    }

    /// <summary>What is left of some values where others are laid over them that take their place.</summary>
    /// <param name="below">The values, as a file has them.</param>
    /// <param name="above">What is laid over them: a key that is null takes no place.</param>
    public ConfigNode Remaining(ConfigNode below, ConfigNode above)
    {
        foreach (var key in Keys)
        {
            var given = (above as ConfigMapping)?[key.Name];
            if (given is null or ConfigScalar { IsNull: true })
                continue;
            foreach (var other in key.InsteadOf)
                below = below.Without(other.Split('.'));
            if (key.Type is ConfigRecordType nested && below is ConfigMapping mapping && mapping[key.Name] is { } inner)
                below = mapping.WithValue(key.Name, nested.Remaining(inner, given));
        }
        return below;
    }

    /// <summary>What a list in its place stands for; null where there can be none.</summary>
    public ListFormAttribute? ListForm { get; } = Type.GetCustomAttribute<ListFormAttribute>();

    public override string Expectation => (ShortForm, ListForm) switch
    {
        (null, _) => "a mapping",
        (_, null) => "a text or a mapping",
        _ => "a text, a list or a mapping",
    };

    public override string Expected => $"{base.Expected}, with the keys{WordWrap.Names(Keys.Select(key => key.Name))}";
}

/// <summary>A key of a record.</summary>
/// <param name="Name">The property's name in snake_case.</param>
/// <param name="Property">The property.</param>
/// <param name="Type">What its value may be.</param>
/// <param name="IsRequired">Whether it has no default.</param>
/// <param name="Constraints">What the values of that type must satisfy besides.</param>
/// <param name="ChangesLearning">Whether a run with another value learns something else.</param>
/// <param name="InsteadOf">Keys that it takes the place of.</param>
internal sealed record ConfigKey(
    string Name,
    PropertyInfo Property,
    ConfigType Type,
    bool IsRequired,
    IReadOnlyList<ValidationAttribute> Constraints,
    bool ChangesLearning,
    IReadOnlyList<string> InsteadOf
)
{
    public static IReadOnlyList<ConfigKey> Of(Type record)
    {
        var nullability = new NullabilityInfoContext();
        var parameters = ConfigTypes.Constructor(record)?.GetParameters() ?? [];
        return
        [
            .. record
                .GetProperties(BindingFlags.Public | BindingFlags.Instance)
                .Where(property => property.SetMethod is { IsPublic: true } && property.GetIndexParameters().Length == 0)
                .OrderBy(property => Depth(property.DeclaringType!))
                .ThenBy(property => property.MetadataToken)
                .Select(property =>
                {
                    var parameter = Array.Find(parameters, p => p.Name == property.Name);
                    // [property: Range(...)] and [Range(...)] on a parameter of a positional record mean the same here.
                    var constraints = property
                        .GetCustomAttributes<ValidationAttribute>()
                        .Concat(parameter?.GetCustomAttributes<ValidationAttribute>() ?? [])
                        .ToList();
                    var isNullable = nullability.Create(property).WriteState is NullabilityState.Nullable;
                    // By name: ScottPlot brings a public copy of the attribute for older frameworks.
                    var isRequired =
                        parameter is { HasDefaultValue: false }
                        || property.CustomAttributes.Any(a =>
                            a.AttributeType.FullName == "System.Runtime.CompilerServices.RequiredMemberAttribute"
                        );
                    return new ConfigKey(
                        KeyName.Of(property.Name),
                        property,
                        ConfigTypes.Of(property.PropertyType, isNullable),
                        isRequired,
                        constraints,
                        !property.IsDefined(typeof(ExecutionOnlyAttribute)),
                        property.GetCustomAttribute<InsteadOfAttribute>()?.Keys ?? []
                    );
                }),
        ];
    }

    private static int Depth(Type type) => type.BaseType is { } above ? 1 + Depth(above) : 0;
}

/// <summary>From .NET types to what may be written for them.</summary>
internal static class ConfigTypes
{
    /// <exception cref="NotSupportedException">No configuration can hold a value of that type.</exception>
    public static ConfigType Of(Type type, bool isNullable = false)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
            return Of(underlying, isNullable: true);
        if (ScalarFormat.BuiltIn(type) is { } format)
            return new ConfigScalarType(type, isNullable, format);
        if (GenericArguments(type, typeof(IReadOnlyDictionary<,>)) is [var name, var value] && name == typeof(string))
            return new ConfigDictionaryType(type, isNullable, Of(value));
        if (GenericArguments(type, typeof(IReadOnlyList<>)) is [var item])
            return new ConfigListType(type, isNullable, Of(item));

        var parsed = ScalarFormat.OfParseMethod(type);
        if (IsRecord(type))
            return new ConfigRecordType(type, isNullable, parsed);
        return parsed is null
            ? throw new NotSupportedException(
                $"a configuration cannot hold a {type}: use a record, an IReadOnlyList, an IReadOnlyDictionary by string, or a type with "
                    + "a static Parse(string)"
            )
            : new ConfigScalarType(type, isNullable, parsed);
    }

    /// <summary>The constructor that makes a record with its defaults: the one without parameters, else the shortest.</summary>
    public static ConstructorInfo? Constructor(Type record) =>
        record.GetConstructors().OrderBy(constructor => constructor.GetParameters().Length).FirstOrDefault();

    private static Type[] GenericArguments(Type type, Type definition) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == definition ? type.GetGenericArguments() : [];

    /// <summary>The compiler gives every record, class or struct, a method PrintMembers for its ToString.</summary>
    private static bool IsRecord(Type type) =>
        type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null;
}
