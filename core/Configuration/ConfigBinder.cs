using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Electra.Configuration;

/// <summary>
/// Lays what was written over the defaults. Goes on after a problem, so that one run tells the user all of them; a value with a
/// problem reads as its default.
/// </summary>
/// <param name="root">The whole configuration: where a key that stands in the wrong place is looked for.</param>
internal sealed class ConfigBinder(ConfigType root)
{
    private const int LongestRange = 100_000;
    private static readonly MethodInfo MemberwiseCloneMethod = typeof(object).GetMethod(
        "MemberwiseClone",
        BindingFlags.NonPublic | BindingFlags.Instance
    )!;

    /// <summary>Everything that was wrong so far.</summary>
    public List<ConfigProblem> Problems { get; } = [];

    /// <summary>Makes the value of a node.</summary>
    /// <param name="type">What the value may be.</param>
    /// <param name="node">What was written.</param>
    /// <param name="fallback">The default: a mapping is laid over it, everything else replaces it.</param>
    /// <param name="key">The full dotted key; empty for the root.</param>
    public object? Bind(ConfigType type, ConfigNode node, object? fallback, string key)
    {
        if (node is ConfigScalar { IsNull: true } nothing)
        {
            if (type.IsNullable)
                return null;
            // Nothing for a list is the empty list: so an override takes away what a file gives.
            if (type is ConfigListType)
                node = new ConfigSequence(node.Place, []);
            else if (type is ConfigRecordType)
                node = new ConfigMapping(node.Place, []);
            else
                return Problem(key, nothing, $"has no value: {type.Expected}", fallback);
        }
        if (type is ConfigRecordType or ConfigDictionaryType && node is ConfigMapping { Over: { } below })
            fallback = Bind(type, below, fallback, key);
        return (type, node) switch
        {
            (ConfigScalarType scalar, ConfigScalar given) => BindScalar(scalar.Format, given, fallback, key),
            (ConfigListType list, _) => BindList(list, node, fallback, key),
            (ConfigDictionaryType dictionary, ConfigMapping given) => BindDictionary(dictionary, given, fallback, key),
            (ConfigRecordType { ShortForm: { } format }, ConfigScalar given) => BindScalar(format, given, fallback, key),
            (ConfigRecordType record, ConfigMapping given) => BindRecord(record, given, fallback, key),
            (ConfigRecordType { ListForm: { } form }, ConfigSequence list) => Bind(
                type,
                new ConfigMapping(
                    node.Place,
                    [new ConfigEntry(list.Items.Any(item => item is ConfigMapping) ? form.Mappings : form.Texts, node.Place, list)]
                ),
                fallback,
                key
            ),
            _ => Problem(
                key,
                node,
                $"is {Kind(node)}{(node is ConfigScalar { Text: var text } ? YamlAdvice.Mapping(text) : "")}: {type.Expected}",
                fallback
            ),
        };
    }

    private object? BindScalar(ScalarFormat format, ConfigScalar given, object? fallback, string key)
    {
        try
        {
            return format.Parse(given.Text);
        }
        catch (FormatException e)
        {
            return Problem(
                key,
                given,
                $"cannot be {Quoted(given.Text)}: {(e.Message == "" ? $"{format.Expectation} is expected" : e.Message)}",
                fallback
            );
        }
    }

    private object? BindList(ConfigListType type, ConfigNode node, object? fallback, string key)
    {
        var found = Problems.Count;
        var items = node is ConfigSequence sequence
            ? sequence.Items.SelectMany((item, i) => BindItems(type.Item, item, $"{key}[{i}]")).ToList()
            : BindItems(type.Item, node, key);
        return Problems.Count > found ? fallback : ReadOnly(items, type.Item.Type, type.Item.IsNullable);
    }

    private List<object?> BindItems(ConfigType type, ConfigNode node, string key) =>
        node is ConfigScalar scalar
        && (type.Type == typeof(int) || type.Type == typeof(long))
        && scalar.Text.Split("..") is [var first, var last]
            ? BindRange((ConfigScalarType)type, scalar, first, last, key)
            : [Bind(type, node, null, key)];

    private List<object?> BindRange(ConfigScalarType type, ConfigScalar node, string first, string last, string key)
    {
        var found = Problems.Count;
        var ends = new[] { first, last }
            .Select(end => Convert.ToInt64(BindScalar(type.Format, node with { Text = end }, 0, key), CultureInfo.InvariantCulture))
            .ToArray();
        if (Problems.Count == found && (ends[1] < ends[0] || ends[1] - (decimal)ends[0] >= LongestRange))
            Problem(
                key,
                node,
                $"cannot be {Quoted(node.Text)}: a range goes upwards, both ends included, over at most {LongestRange} numbers",
                null
            );
        if (Problems.Count > found)
            return [];
        return
        [
            .. Enumerable
                .Range(0, (int)(ends[1] - ends[0]) + 1)
                .Select(i => Convert.ChangeType(ends[0] + i, type.Type, CultureInfo.InvariantCulture)),
        ];
    }

    private object BindDictionary(ConfigDictionaryType type, ConfigMapping given, object? fallback, string key)
    {
        var values = (IDictionary)
            Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), type.Type.GetGenericArguments()[1]))!;
        foreach (var (name, value) in Entries(fallback))
            values[name] = value;
        foreach (var entry in given.Entries)
            values[entry.Key] = Bind(type.Value, entry.Value, values[entry.Key], Join(key, entry.Key));
        return values;
    }

    private object BindRecord(ConfigRecordType type, ConfigMapping given, object? fallback, string key)
    {
        var record = fallback is null ? Create(type.Type) : MemberwiseCloneMethod.Invoke(fallback, null)!;
        foreach (var entry in given.Entries.Where(entry => type.Keys.All(k => k.Name != entry.Key)))
            Problems.Add(new ConfigProblem(Join(key, entry.Key), UnknownKey(type, entry.Key, key), entry.Place));

        foreach (var member in type.Keys)
        {
            var fullKey = Join(key, member.Name);
            var node = given[member.Name];
            var value = member.Property.GetValue(record);
            if (node is null && fallback is null && member.IsRequired)
            {
                Problem(fullKey, given, $"is missing: {member.Type.Expected}", null);
                continue;
            }
            // The defaults of a nested record are checked too: a key that it requires may be missing.
            if (node is null && value is not null && member.Type is ConfigRecordType)
                node = new ConfigMapping(given.Place, []);

            var found = Problems.Count;
            if (node is not null)
                member.Property.SetValue(record, value = Bind(member.Type, node, value, fullKey));
            if (Problems.Count == found)
                foreach (
                    var violation in member.Constraints.Select(constraint => ConfigConstraint.Violation(constraint, value)).OfType<string>()
                )
                    Problem(fullKey, node ?? given, violation, null);
        }
        return record;
    }

    /// <summary>
    /// A record with its defaults. Parameters without one are left empty: the keys are required, and reported where they are missing.
    /// </summary>
    private static object Create(Type type)
    {
        if (ConfigTypes.Constructor(type) is not { } constructor)
            return Activator.CreateInstance(type)!;
        return constructor.Invoke([.. constructor.GetParameters().Select(parameter =>
            parameter.HasDefaultValue ? parameter.DefaultValue
            : parameter.ParameterType.IsValueType ? RuntimeHelpers.GetUninitializedObject(parameter.ParameterType)
            : null)]);
    }

    private string UnknownKey(ConfigRecordType type, string name, string key)
    {
        if (YamlAdvice.Key(name) is { } advice)
            return advice;
        var names = type.Keys.Select(k => k.Name).ToList();
        var all = (root as ConfigRecordType)?.FullNames().ToList() ?? [];
        var meant = Spelling.Nearest(name, names) is { } nearest ? $"; did you mean {Join(key, nearest)}?"
            : all.Contains(name) && !name.Contains('.') ? $" here; {name} stands at the top level."
            : all.Contains(name)
                ? $" here; a key with dots is nested in a file: {string.Join(": {", name.Split('.'))}: "
                    + $"…{new string('}', name.Count(c => c == '.'))}."
            : all.Find(full => full.EndsWith("." + name, StringComparison.Ordinal)) is { } elsewhere ? $"; did you mean {elsewhere}?"
            : ".";
        return $"is not a key{meant} Keys {(key == "" ? "at the top level" : $"of {key}")}:{WordWrap.Names(names)}";
    }

    private object? Problem(string key, ConfigNode node, string message, object? fallback)
    {
        Problems.Add(new ConfigProblem(key, message, node.Place));
        return fallback;
    }

    private static object ReadOnly(List<object?> items, Type item, bool isNullable)
    {
        var array = Array.CreateInstance(isNullable && item.IsValueType ? typeof(Nullable<>).MakeGenericType(item) : item, items.Count);
        ((ICollection)items).CopyTo(array, 0);
        return typeof(Array)
            .GetMethod(nameof(Array.AsReadOnly))!
            .MakeGenericMethod(array.GetType().GetElementType()!)
            .Invoke(null, [array])!;
    }

    /// <summary>The entries of an <c>IReadOnlyDictionary&lt;string, T&gt;</c> of whatever T.</summary>
    internal static IEnumerable<(string Name, object? Value)> Entries(object? dictionary)
    {
        foreach (var pair in (IEnumerable?)dictionary ?? Array.Empty<object>())
            yield return ((string)pair.GetType().GetProperty("Key")!.GetValue(pair)!, pair.GetType().GetProperty("Value")!.GetValue(pair));
    }

    private static string Join(string key, string name) => key == "" ? name : $"{key}.{name}";

    private static string Quoted(string text) => $"\"{text}\"";

    private static string Kind(ConfigNode node) => node switch
    {
        ConfigSequence => "a list",
        ConfigMapping => "a mapping",
        _ => "a single value",
    };
}
