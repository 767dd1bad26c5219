using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using CsCheck;
using Electra.Configuration;
using Electra.Finetuning;

namespace Electra.Tests.Configuration;

/// <summary>What holds of every configuration record of the kit.</summary>
public class ConfigProperties
{
    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>The experiments that scripts have configurations for.</summary>
    public static TheoryData<Type> Experiments =>
        [
            .. typeof(Config)
                .Assembly.GetTypes()
                .Where(type =>
                    type.IsClass
                    && type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IExperimentConfig<>))
                ),
        ];

    [Theory, MemberData(nameof(Experiments))]
    public void Resolved_yaml_is_the_same_record_again(Type type) =>
        typeof(ConfigProperties)
            .GetMethod(nameof(CheckRoundTrips), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(type)
            .Invoke(null, null);

    private static void CheckRoundTrips<T>()
        where T : class, IExperimentConfig<T>
    {
        // A model to fine-tune has no default.
        var start = Config.Parse<T>(typeof(T) == typeof(FinetuneConfig) ? "checkpoint: model" : "{}", "start.yaml");
        int changed = 0;
        Gen.Int[0, int.MaxValue].Sample(seed =>
        {
            var random = new Random(seed);
            double share = 0.3 * Math.Pow(random.NextDouble(), 2);
            var config = (T)Changed(start, share, random);
            if (config.Check().Any())
                return;
            Interlocked.Increment(ref changed);
            var yaml = Config.ResolvedYaml(config);
            var loaded = Config.Parse<T>(yaml, "config.yaml");
            Assert.Equal(JsonSerializer.Serialize(config, Json), JsonSerializer.Serialize(loaded, Json));
            Assert.Equal(yaml, Config.ResolvedYaml(loaded));
        }, iter: 1000);
        Assert.True(changed > 100, $"only {changed} of 1000 changed configurations are right");
    }

    /// <summary>The record with a share of its values changed, each to one that its type and range allow.</summary>
    private static object Changed(object record, double share, Random random)
    {
        var copy = record.GetType().GetMethod("<Clone>$")!.Invoke(record, null)!;
        foreach (
            var property in record.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is not null)
        )
            if (property.GetValue(record) is { } value && property.GetCustomAttribute<RegularExpressionAttribute>() is null)
                if (IsRecord(value.GetType()))
                    property.SetValue(copy, Changed(value, share, random));
                else if (random.NextDouble() < share && Another(property, value, random) is { } other)
                    property.SetValue(copy, other);
        return copy;
    }

    private static object? Another(PropertyInfo property, object value, Random random)
    {
        var range = property.GetCustomAttribute<RangeAttribute>();
        double low = Convert.ToDouble(range?.Minimum ?? -1e6), high = Math.Min(Convert.ToDouble(range?.Maximum ?? 1e6), 1e15);
        double number = low + (high - low) * Math.Pow(random.NextDouble(), 4);
        return value switch
        {
            bool => random.Next(2) == 0,
            int => (int)Math.Min(number, int.MaxValue),
            long => (long)number,
            double => number,
            float => (float)number,
            Enum => Enum.GetValues(value.GetType()) is var all ? all.GetValue(random.Next(all.Length)) : null,
            string text => text + Odd(random),
            IReadOnlyList<string> texts when texts.Count < (property.GetCustomAttribute<MaxLengthAttribute>()?.Length ?? int.MaxValue) =>
                texts.Append($"x{Odd(random)}").ToList(),
            _ => null,
        };
    }

    /// <summary>What has a meaning in YAML, or none.</summary>
    private static string Odd(Random random) => new[] { "", "-2", " #", ": x", "é", "'\"" }[random.Next(6)];

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null && !typeof(IEnumerable).IsAssignableFrom(type);
}
