
namespace Electra.Data.Readers;

/// <summary>A row of a file of fields.</summary>
/// <param name="Number">Its line in the file, or its number in a Parquet file, from 1.</param>
/// <param name="Values">
/// The values of the fields that were asked for, in that order: text as it is, numbers in the invariant culture, <c>true</c> or
/// <c>false</c>; null for null, NaN and a field that this row has not.
/// </param>
internal readonly record struct FieldRow(int Number, string?[] Values);

/// <summary>
/// The fields that are asked for of each row. JSON lines and Parquet files follow the same rules: a field inside another is named
/// with a dot (<c>meta.text</c>), every type of number is a number, and what is not asked for is not looked at.
/// </summary>
/// <param name="Names">Their names.</param>
internal sealed record AskedFields(params IReadOnlyList<string> Names)
{
    /// <summary>Whether numbers and booleans are refused.</summary>
    public bool TextOnly { get; init; }

    /// <summary>How many of them, the last ones, a file may lack.</summary>
    public int Optional { get; init; }

    /// <summary>Whether lists are taken, as the JSON that they are written in, or would be.</summary>
    public bool Lists { get; init; }

    /// <summary>What would be right where a field is missing or of another type: a sentence, or nothing.</summary>
    public string Advice { get; init; } = "";

    /// <summary>The rows of a JSON lines or Parquet file.</summary>
    /// <param name="file">The file; its format is told by its extension.</param>
    /// <param name="position">Told how far the reading is.</param>
    /// <exception cref="UserErrorException">A field is missing or of a type that is not asked for, or the file is damaged.</exception>
    public IEnumerable<FieldRow> Read(SourceFile file, ReadPosition position) =>
        file.Format == SourceFormat.Parquet ? ParquetColumns.Read(file, this, position) : JsonLines.Read(file, this, position);

    /// <summary>A field is not there.</summary>
    /// <param name="place">The file, with the line where there is one.</param>
    /// <param name="kind">What the file calls it: a field or a column.</param>
    /// <param name="name">Its name.</param>
    /// <param name="there">The names that are there.</param>
    internal UserErrorException Missing(string place, string kind, string name, IReadOnlyCollection<string> there) =>
        new(
            $"{place}: there is no {kind} {name}{(Spelling.Nearest(name, there) is { } nearest ? $"; did you mean {nearest}?" : ".")} The "
                + $"{kind}s are {string.Join(", ", there)}. {Advice}".TrimEnd()
        );

    /// <summary>A field holds what is not asked for.</summary>
    internal UserErrorException Unexpected(string place, string kind, string name, string found) => new(
        $"{place}: the {kind} {name} holds {found}, and {(TextOnly ? "text" : "text or a number")} is expected. {Advice}".TrimEnd());
}
