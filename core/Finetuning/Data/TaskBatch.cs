using Electra.Pretraining;

namespace Electra.Finetuning.Data;

/// <summary>Rows of a task as the model reads them, padded to the longest of them.</summary>
/// <param name="Tokens">Ids, token types (0 for [CLS] a [SEP] and for padding, 1 for b [SEP]) and lengths.</param>
/// <param name="Labels">The label of each row: the number of its class, or its value; NaN where there is none.</param>
/// <param name="Rows">The number of each row in its split, from 0.</param>
public sealed record TaskBatch(TokenBatch Tokens, float[] Labels, int[] Rows);
