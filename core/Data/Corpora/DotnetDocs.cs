using System.Xml;
using Electra.Storage;

namespace Electra.Data.Corpora;

/// <summary>A member of the documented API.</summary>
/// <param name="Kind">T: type, M: method, P: property, F: field, E: event.</param>
/// <param name="Namespace">The namespace of its type.</param>
/// <param name="Type">The full name of its type; the type itself where it is one.</param>
/// <param name="Summary">What it is or does; empty where nothing is said.</param>
/// <param name="Returns">What it returns; empty where nothing is said.</param>
/// <param name="Other">Its remarks, parameters and exceptions, each a text.</param>
internal sealed record DocumentedMember(
    char Kind,
    string Namespace,
    string Type,
    string Summary,
    string Returns,
    IReadOnlyList<string> Other
)
{
    /// <summary>The names of the API in the summary, and what they are names of: T, M, P, F, E, or N of a namespace.</summary>
    public IReadOnlyList<(Range Place, char Kind)> Names { get; init; } = [];
}

/// <summary>
/// The English API documentation that every .NET SDK carries: text that is already on the machine. One type with its members is a
/// document, each summary, remark, parameter, result and exception a line; what was said before is left out.
/// </summary>
internal static class DotnetDocs
{
    /// <summary>The corpus's name in a configuration.</summary>
    public const string Name = "dotnet-docs";

    private const int FewestWords = 3;
    private static readonly string[] Packs = ["Microsoft.NETCore.App.Ref", "Microsoft.AspNetCore.App.Ref"];

    /// <summary>Every documented member, file by file.</summary>
    /// <exception cref="UserErrorException">No SDK is found.</exception>
    public static IEnumerable<DocumentedMember> Members() => Files().SelectMany(MembersOf);

    internal static Corpus Open()
    {
        var files = Files();
        return new Corpus(
            Name,
            // The version of the packs says it all: the same SDK lies elsewhere on another machine.
            string.Join('\n', files.Select(file => $"{Path.GetFileName(file)} {new FileInfo(file).Length}").Append("documents-1")),
            files.Sum(file => new FileInfo(file).Length),
            reading => Documents(files, reading)
        )
        {
            MakesLines = true,
        };
    }

    /// <summary>The lines of a member, without those that are too short to say anything.</summary>
    internal static IEnumerable<string> Lines(DocumentedMember member) =>
        member.Other.Prepend(member.Returns).Prepend(member.Summary).Where(line => line.Count(c => c == ' ') >= FewestWords - 1);

    private static IEnumerable<string> Documents(IReadOnlyList<string> files, CorpusReading reading)
    {
        long done = 0;
        var said = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            foreach (var type in MembersOf(file).GroupBy(member => member.Type))
                if (string.Join('\n', type.SelectMany(Lines).Where(said.Add)) is { Length: > 0 } document)
                    yield return document;
            reading.At(done += new FileInfo(file).Length);
        }
    }

    /// <summary>The documentation files of the newest version of each pack, beside the runtime that runs this.</summary>
    private static IReadOnlyList<string> Files()
    {
        var folders = Roots().SelectMany(root => Packs.Select(pack => Path.Combine(root, "packs", pack))).Distinct().ToArray();
        string[] files =
        [
            .. from folder in folders.Where(Directory.Exists)
            let newest = FolderFiles
                .FoldersIn(folder)
                .MaxBy(version => Version.TryParse(Path.GetFileName(version).Split('-')[0], out var v) ? v : new Version())
            where newest is not null
            from file in FolderFiles.Under(newest).Order(StringComparer.Ordinal)
            where Path.GetExtension(file) == ".xml"
            select file,
        ];
        return files.Length > 0
            ? files
            : throw new UserErrorException(
                $"corpus: {Name} is the documentation that a .NET SDK carries, and there is none in {string.Join(" or ", folders)}. "
                    + "Install the SDK, or give text of your own: corpus=path/to/file.txt.gz"
            );
    }

    private static IEnumerable<string> Roots()
    {
        // …/shared/Microsoft.NETCore.App/10.0.0/System.Private.CoreLib.dll
        if (new FileInfo(typeof(object).Assembly.Location).Directory?.Parent?.Parent?.Parent is { } root)
            yield return root.FullName;
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } given)
            yield return given;
    }

    internal static IEnumerable<DocumentedMember> MembersOf(string file)
    {
        using var reader = XmlReader.Create(file, new XmlReaderSettings { IgnoreComments = true, DtdProcessing = DtdProcessing.Prohibit });
        var types = new HashSet<string>();
        while (reader.ReadToFollowing("member"))
        {
            var name = reader.GetAttribute("name");
            if (name is not [_, ':', _, ..])
                continue;
            if (name[0] == 'T')
                types.Add(name[2..]);
            if (ReadMember(reader, name[0], name[2..], types) is { } member)
                yield return member;
        }
    }

    private static DocumentedMember ReadMember(XmlReader reader, char kind, string fullName, HashSet<string> types)
    {
        var (summary, returns, other) = ("", "", new List<string>());
        IReadOnlyList<(Range Place, char Kind)> names = [];
        using (var content = reader.ReadSubtree())
        {
            content.Read();
            while (content.Read())
                if (content is { NodeType: XmlNodeType.Element, Depth: 1 })
                {
                    var part = content.Name;
                    var text = DocumentationText.Read(content, out var named);
                    if (part == "summary")
                        (summary, names) = (text, named);
                    else if (part is "returns" or "value")
                        returns = text;
                    else if (text.Length > 0)
                        other.Add(text);
                }
        }
        var signature = fullName.Split('(')[0];
        var type = kind == 'T' ? signature : Outer(signature);
        var space = Outer(type);
        while (types.Contains(space))
            space = Outer(space);
        return new DocumentedMember(kind, space, type, summary, returns, other) { Names = names };

        static string Outer(string name) => name.LastIndexOf('.') is > 0 and var dot ? name[..dot] : "";
    }
}
