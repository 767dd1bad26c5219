namespace Electra.Data.Tasks;

/// <summary>Examples of a task as the model reads them, padded to the longest of them.</summary>
/// <param name="Tokens">Ids, token types (0 for [CLS] a [SEP] and for padding, 1 for b [SEP]) and lengths.</param>
/// <param name="Labels">Their labels, example after example: the number of a class, or a value; NaN where there is none.</param>
/// <param name="Examples">The number of each example in its split, from 0.</param>
internal sealed record TaskBatch(TokenBatch Tokens, float[] Labels, int[] Examples);
