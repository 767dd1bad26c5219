using Parquet;
using Parquet.Schema;

namespace Electra.Tests.Hub;

/// <summary>Parquet files of one column of text, as data sets on the hub are.</summary>
internal static class ParquetBytes
{
    public static async Task<byte[]> Of(string column, params string[] rows)
    {
        var field = new DataField<string>(column);
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(field, rows);
        }
        return stream.ToArray();
    }
}
