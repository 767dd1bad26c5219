using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Electra.Configuration;

/// <summary>
/// YAML text to nodes that know their places. Works on the parser's events, so that a duplicate key is one problem among others
/// and not the end of the reading.
/// </summary>
internal static class ConfigYaml
{
    /// <summary>Reads one YAML document.</summary>
    /// <param name="text">The document.</param>
    /// <param name="place">Names the source of a line and column.</param>
    /// <param name="problems">Receives duplicate keys, or the syntax error.</param>
    /// <returns>The root; null where the syntax is broken or nothing is there.</returns>
    public static ConfigNode? Parse(string text, Func<Mark, ConfigPlace> place, ICollection<ConfigProblem> problems)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (!parser.TryConsume<DocumentStart>(out _))
                return null;
            var root = new Reader(parser, place, problems).Read("");
            parser.Consume<DocumentEnd>();
            if (parser.Current is DocumentStart second)
                problems.Add(
                    new ConfigProblem("", "a second document begins here (---): one file holds one configuration", place(second.Start))
                );
            return root is ConfigScalar { IsNull: true } ? null : root;
        }
        catch (YamlException e)
        {
            var mark = e.Message.Contains(" tab ", StringComparison.Ordinal) ? FirstIndentingTab(text) ?? e.Start : e.Start;
            problems.Add(
                new ConfigProblem(
                    "",
                    $"this is not valid YAML: {char.ToLowerInvariant(e.Message[0])}{e.Message[1..].TrimEnd('.')}{YamlAdvice.For(text, e)}",
                    place(mark)
                )
            );
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // What YamlDotNet throws where a key stands in a flow mapping that was not closed, and where a tag is not a URI.
            var found =
                e is ArgumentException
                    ? "a tag after this place (!…) is not valid; a text that begins with ! must be in quotes"
                    : "a bracket before this place was not closed";
            problems.Add(new ConfigProblem("", $"this is not valid YAML: {found}", place(parser.Current?.End ?? new Mark(0, 1, 1))));
            return null;
        }
    }

    /// <summary>YamlDotNet names the place where the text before a forbidden tab began.</summary>
    private static Mark? FirstIndentingTab(string text)
    {
        foreach (var (number, line) in text.Split('\n').Index())
            if (line.AsSpan(0, line.Length - line.AsSpan().TrimStart().Length).IndexOf('\t') is >= 0 and var column)
                return new Mark(0, number + 1, column + 1);
        return null;
    }

    private sealed record Reader(IParser Parser, Func<Mark, ConfigPlace> Place, ICollection<ConfigProblem> Problems)
    {
        // No experiment needs more; a few lines of aliases to aliases would stand for more than any memory holds.
        private const int Deepest = 64,
            MostValues = 100_000;
        private const string MergeKey = "<<",
            CoreTags = "tag:yaml.org,2002:";
        private static readonly string[] KnownTags =
        [
            "",
            "!",
            .. new[] { "str", "int", "float", "bool", "null", "seq", "map" }.Select(name => CoreTags + name),
        ];

        private readonly Dictionary<AnchorName, (ConfigNode Node, int Values)> anchors = [];
        private int depth, values;

        public ConfigNode Read(string key)
        {
            if (Parser.TryConsume<AnchorAlias>(out var alias))
            {
                if (!anchors.TryGetValue(alias.Value, out var meant))
                    throw new YamlException(alias.Start, alias.End, $"no value before this one has the anchor &{alias.Value}");
                Count(meant.Values, alias);
                return meant.Node;
            }

            if (Parser.Current is not NodeEvent first)
                throw new YamlException(Parser.Current!.Start, Parser.Current.End, "a value is missing here");
            Count(1, first);
            if (!KnownTags.Contains(first.Tag.IsEmpty ? "" : first.Tag.Value))
                throw new YamlException(first.Start, first.End, $"the tag {first.Tag} has no meaning here");
            if (++depth > Deepest)
                throw new YamlException(first.Start, first.End, $"values are nested more than {Deepest} deep");
            var before = values;
            ConfigNode node = first switch
            {
                SequenceStart => ReadSequence(key),
                MappingStart => ReadMapping(key),
                _ => ReadScalar(),
            };
            depth--;
            if (!first.Anchor.IsEmpty && node is ConfigScalar { IsQuoted: false, Text: "" })
                throw new YamlException(first.Start, first.End, $"no value follows the anchor &{first.Anchor}");
            if (!first.Anchor.IsEmpty)
                anchors[first.Anchor] = (node, 1 + values - before);
            return node;
        }

        private void Count(int more, ParsingEvent at)
        {
            if ((values += more) > MostValues)
                throw new YamlException(at.Start, at.End, $"with its aliases written out, this is more than {MostValues} values");
        }

        private ConfigScalar ReadScalar()
        {
            var scalar = Parser.Consume<Scalar>();
            return new ConfigScalar(Place(scalar.Start), scalar.Value, scalar.Style is not ScalarStyle.Plain);
        }

        private ConfigSequence ReadSequence(string key)
        {
            var start = Parser.Consume<SequenceStart>().Start;
            var items = new List<ConfigNode>();
            while (!Parser.TryConsume<SequenceEnd>(out _))
                items.Add(Read($"{key}[{items.Count}]"));
            return new ConfigSequence(Place(start), items);
        }

        private ConfigMapping ReadMapping(string key)
        {
            var start = Parser.Consume<MappingStart>().Start;
            var (entries, merged) = (new List<ConfigEntry>(), new List<ConfigEntry>());
            while (!Parser.TryConsume<MappingEnd>(out _))
            {
                if (!Parser.TryConsume<Scalar>(out var name))
                    throw new YamlException(Parser.Current!.Start, Parser.Current.End, "a key must be a word");
                var full = key == "" ? name.Value : $"{key}.{name.Value}";
                var value = Read(full);
                if (name is { Value: MergeKey, Style: ScalarStyle.Plain })
                    merged.AddRange(Merged(value, full));
                else if (entries.Find(entry => entry.Key == name.Value) is { } earlier)
                    Problems.Add(
                        new ConfigProblem(full, $"is given twice: the first time in line {earlier.Place.Line}", Place(name.Start))
                    );
                else
                    entries.Add(new ConfigEntry(name.Value, Place(name.Start), value));
            }
            // A key of the mapping's own wins, and of those that are merged the first.
            return new ConfigMapping(Place(start), [.. entries.Concat(merged).DistinctBy(entry => entry.Key)]);
        }

        /// <summary>What <c>&lt;&lt;</c> brings into a mapping: the keys of another, or of several in a list.</summary>
        private IEnumerable<ConfigEntry> Merged(ConfigNode value, string key)
        {
            var mappings = value is ConfigSequence list ? list.Items : [value];
            if (mappings.FirstOrDefault(item => item is not ConfigMapping) is { } other)
                Problems.Add(new ConfigProblem(key, "merges mappings: {…}, *name of one with an anchor, or a list of them", other.Place));
            return mappings.OfType<ConfigMapping>().SelectMany(mapping => mapping.Entries);
        }
    }
}
