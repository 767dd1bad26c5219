using System.Text.Json;
using Electra.Data.Readers;
using Electra.Storage;
using static TorchSharp.torch;

namespace Electra.Checkpoints.Formats;

/// <summary>Weights in several files beside an index that says which file has which tensor (<c>model.safetensors.index.json</c>).</summary>
internal sealed class ShardedFile : IWeightFile
{
    private const int LongestIndex = 1 << 26;

    private readonly Dictionary<string, IWeightFile> shards = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> places;

    private ShardedFile(string index, Func<string, IWeightFile> open)
    {
        Path = index;
        var shown = Paths.Shown(index);
        places = Places(index);
        var folder = System.IO.Path.GetDirectoryName(index)!;
        try
        {
            foreach (var shard in places.Values.Distinct())
                shards.Add(shard, shard == System.IO.Path.GetFileName(shard)
                    ? open(System.IO.Path.Combine(folder, shard))
                    : throw new UserErrorException($"{shown}: {shard} is not a file in the folder of the index"));
            if (places.FirstOrDefault(place => !shards[place.Value].Tensors.ContainsKey(place.Key)) is { Key: not null } lost)
                throw new UserErrorException($"{shown}: {lost.Key} is not in {lost.Value}, where the index has it");
            if (
                shards
                    .SelectMany(shard => shard.Value.Tensors.Keys.Select(name => (Shard: shard.Key, Name: name)))
                    .FirstOrDefault(t => places.GetValueOrDefault(t.Name) != t.Shard) is
                { Name: not null } stray
            )
                throw new UserErrorException($"{shown}: {stray.Shard} has the tensor {stray.Name}, which the index does not have there");
        }
        catch
        {
            Dispose();
            throw;
        }
        Tensors = places.ToDictionary(place => place.Key, place => shards[place.Value].Tensors[place.Key], StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Opens the files that an index names.</summary>
    /// <param name="index">The index.</param>
    /// <param name="open">Opens one of the files.</param>
    /// <exception cref="UserErrorException">The index or a file cannot be read, or they do not belong together.</exception>
    public static ShardedFile Open(string index, Func<string, IWeightFile> open) => new(index, open);

    /// <inheritdoc/>
    public void CopyTo(string name, Tensor destination) => shards[places[this.Find(name).Name]].CopyTo(name, destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var shard in shards.Values)
            shard.Dispose();
    }

    private static Dictionary<string, string> Places(string index)
    {
        InputFile.Check(index);
        try
        {
            if (new FileInfo(index).Length > LongestIndex)
                throw new JsonException("it is too long for an index");
            using var json = TolerantJson.Load(index);
            return json.RootElement.GetProperty("weight_map").Deserialize<Dictionary<string, string>>()
                ?? throw new JsonException("weight_map is empty");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new UserErrorException($"{Paths.Shown(index)} is not an index of weights: {e.Message}", e);
        }
    }
}
