using System.IO.Compression;
using System.Text.Json;
using Electra.Tensors;
using static TorchSharp.torch;

namespace Electra.Tests.Kit;

/// <summary>Outputs of the original Python code (fixtures/golden/README.md says which), read without the code under test.</summary>
internal static class Golden
{
    /// <summary>The tensors of a safetensors fixture.</summary>
    public static Dictionary<string, Tensor> Tensors(string name) => Read(TestData.Fixture($"golden/{name}.safetensors"));

    /// <summary>The tensors of a safetensors file.</summary>
    public static Dictionary<string, Tensor> Read(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int header = (int)BitConverter.ToInt64(file);
        using var json = JsonDocument.Parse(file.AsMemory(8, header));
        var tensors = new Dictionary<string, Tensor>();
        foreach (var entry in json.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
            var offsets = entry.Value.GetProperty("data_offsets");
            var value = zeros(shape, dtype: entry.Value.GetProperty("dtype").GetString() switch
            {
                "F32" => ScalarType.Float32,
                "F64" => ScalarType.Float64,
                "I64" => ScalarType.Int64,
                "BOOL" => ScalarType.Bool,
                var other => throw new NotSupportedException(other),
            });
            int start = 8 + header + offsets[0].GetInt32(), end = 8 + header + offsets[1].GetInt32();
            file.AsSpan(start..end).CopyTo(value.bytes);
            tensors.Add(entry.Name, value);
        }
        return tensors;
    }

    /// <summary>A JSON fixture.</summary>
    public static JsonElement Json(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(TestData.Fixture($"golden/{name}.json"))).RootElement;

    /// <summary>A JSON fixture that is compressed.</summary>
    public static JsonElement CompressedJson(string name)
    {
        using var file = new GZipStream(File.OpenRead(TestData.Fixture($"golden/{name}.json.gz")), CompressionMode.Decompress);
        return JsonDocument.Parse(file).RootElement;
    }

    /// <summary>Asserts that each gradient is the original's to 1e-5 of its largest element, or of 2% of the largest of all.</summary>
    public static void AssertGradients(ParameterStore store)
    {
        var expected = Tensors("a_tiny_grads");
        var actual = store.NamedGradients().ToDictionary(g => g.Name, g => g.Gradient);
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        double largest = expected.Values.Max(g => g.abs().max().item<float>());
        foreach (var (name, gradient) in expected)
        {
            double error = (gradient - actual[name]).abs().max().item<float>();
            Assert.True(error <= 1e-5 * Math.Max(gradient.abs().max().item<float>(), 0.02 * largest), $"{name}: error {error:e2}");
        }
    }

    /// <summary>Asserts |actual − expected| ≤ tolerance · max|expected|.</summary>
    public static void AssertClose(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.True(
            expected.shape.SequenceEqual(actual.shape),
            $"{what}: [{string.Join(", ", expected.shape)}] expected, [{string.Join(", ", actual.shape)}] found"
        );
        double scale = Math.Max(expected.abs().max().to(float64).item<double>(), 1e-30);
        double error = (expected.to(float64) - actual.to(float64)).abs().max().item<double>();
        Assert.True(error <= tolerance * scale, $"{what}: largest error {error:e2}, largest value {scale:e2}");
    }
}
