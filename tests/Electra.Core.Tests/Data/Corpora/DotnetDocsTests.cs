
using Electra.Data.Corpora;

namespace Electra.Tests.Data.Corpora;

public class DotnetDocsTests
{
    [Theory]
    [InlineData("T:System.Collections.Generic.List`1", "List")]
    [InlineData("M:System.String.Format(System.String,System.Object)", "Format")]
    [InlineData("M:System.Text.StringBuilder.#ctor(System.Int32)", "StringBuilder")]
    [InlineData("P:System.Array.Length", "Length")]
    [InlineData("System.String?displayProperty=nameWithType", "String")]
    public void References_are_called_by_their_short_names(string reference, string name) =>
        Assert.Equal(name, DocumentationText.ShortName(reference));

    [Fact]
    public void Markup_becomes_text()
    {
        using var folder = TestData.Temporary();
        File.WriteAllText(folder.File("a.xml"), """
            <doc><members>
              <member name="M:A.B.C.Find(System.Int32)">
                <summary>Finds   the <paramref name="item" /> in a <see cref="T:System.Collections.Generic.List`1" />,
                  or <see langword="null" />.</summary>
                <returns><see langword="true" /> if it is <see cref="P:A.B.C.Ready">ready</see>; otherwise no.</returns>
                <param name="item">The item.</param>
                <remarks><para>First paragraph here.</para><para>Second one <c>here</c>.</para><code>int x = 1;</code></remarks>
              </member>
            </members></doc>
            """);
        var member = Assert.Single(DotnetDocs.MembersOf(folder.File("a.xml")));
        Assert.Equal(('M', "A.B", "A.B.C"), (member.Kind, member.Namespace, member.Type));
        Assert.Equal("Finds the item in a List, or null.", member.Summary);
        Assert.Equal("true if it is ready; otherwise no.", member.Returns);
        Assert.Equal(["The item.", "First paragraph here. Second one here."], member.Other);
        Assert.DoesNotContain("The item.", DotnetDocs.Lines(member)); // two words say little
    }

    [Fact]
    public void The_installed_sdk_carries_thousands_of_types_and_nothing_is_said_twice()
    {
        var documents = Corpus.Open(CorpusOptions.Parse(DotnetDocs.Name)).Documents().ToList();
        Assert.InRange(documents.Count, 3_000, 100_000);
        Assert.InRange(documents.Sum(document => (long)document.Length), 5_000_000, 100_000_000);
        var lines = documents.SelectMany(document => document.Split('\n')).ToList();
        Assert.Equal(lines.Count, lines.Distinct().Count());
        Assert.DoesNotContain(lines, line => line.Contains("<see") || line.Contains("  "));
    }
}
