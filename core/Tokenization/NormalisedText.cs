using System.Text;

namespace Electra.Tokenization;

/// <summary>A text after normalisation and before it is split, with the places that its characters come from.</summary>
/// <param name="Text">The normalised text.</param>
/// <param name="Places">The places.</param>
internal readonly record struct NormalisedText(string Text, NormalisedText.Sources Places)
{
    public static NormalisedText Of(ReadOnlySpan<char> text, CharacterClasses classes)
    {
        var unsplit = classes.Unsplit;
        var (normalised, starts, ends) = (new StringBuilder(text.Length), new List<int>(text.Length), new List<int>(text.Length));
        for (int position = 0, consumed; position < text.Length; position += consumed)
        {
            Rune.DecodeFromUtf16(text[position..], out var rune, out consumed);
            if (unsplit.Of(rune) is not (CharacterClass.Letter, var form))
                continue;
            normalised.Append(form);
            foreach (var _ in form)
            {
                starts.Add(position);
                ends.Add(position + consumed);
            }
        }
        return new NormalisedText(normalised.ToString(), new Sources(starts, ends));
    }

    /// <summary>For each character of the normalised text, where the character that it comes from starts and ends.</summary>
    internal readonly record struct Sources(List<int> Starts, List<int> Ends)
    {
        /// <summary>The place of a part of the normalised text, after <paramref name="before"/> characters.</summary>
        public Range Of(Range part, int before) => (before + Starts[part.Start.Value])..(before + Ends[part.End.Value - 1]);
    }
}
