using Electra.Data.Tagging;

namespace Electra.Data.Tasks;

// Keys of tags of words, and what is wrong between them.
public sealed partial record OwnTaskOptions
{
    /// <summary>
    /// Of tagged words whose files have numbers: the tags that these stand for, from 0, <c>[O, B-person, I-person]</c>. None: a Parquet
    /// file of the hub names them itself.
    /// </summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    private IEnumerable<(string Key, string Problem)> OfWords()
    {
        if (Answers is not null)
            yield return ("answers", "is for questions whose answer is a part of a text (kind: answers)");
        if (Of() == WordTags.Kind && Text.Count > 1)
            yield return ("text", "is one field of tagged words");
        if (Of() != WordTags.Kind && (Scheme != TagScheme.Bio || Decode != TagDecoding.Argmax))
            yield return (Scheme != TagScheme.Bio ? "scheme" : "decode", "is for tags of words (kind: tokens)");
        if (Of() == WordTags.Kind && Scheme != TagScheme.None && Labels.FirstOrDefault(TagSchemes.IsTag) is { } tag)
            yield return (
                "labels",
                $"are the types of spans, and {tag} is a tag: labels: [person, place]. Tags that say nothing of spans are scheme: none"
            );
        if (Of() == WordTags.Kind && Scheme == TagScheme.None && Decode == TagDecoding.Constrained)
            yield return ("decode", "cannot be constrained with scheme: none, in which every tag may follow every other");
        if (Of() == WordTags.Kind && Scheme == TagScheme.Auto && Train == "")
            yield return ("scheme", "cannot be told without a training file (train): bio, iob1, bioes, bilou or none");
        if (Of() == WordTags.Kind && (Unordered || DropLabels.Count > 0 || !Header))
            yield return (Unordered ? "unordered" : !Header ? "header" : "drop_labels", "is not for tags of words");
        if (Of() != WordTags.Kind && Tags.Count > 0)
            yield return ("tags", "is for tags of words (kind: tokens)");
        if (Tags.Distinct().Count() != Tags.Count)
            yield return ("tags", "has a tag twice");
    }
}
