using Electra.Data.Readers;

namespace Electra.Tests.Data.Readers;

/// <summary>Patterns mean what they mean to a shell.</summary>
public class GlobTests
{
    [Theory]
    [InlineData("part-[!a].txt", "part-0.txt part-1.txt", "part-a.txt part-.txt")]
    [InlineData("part-[^a].txt", "part-0.txt", "part-a.txt part-/.txt")]
    [InlineData("part-[0-9a].txt", "part-0.txt part-a.txt", "part-b.txt part-10.txt")]
    [InlineData("[]x].txt", "].txt x.txt", "[.txt")]
    [InlineData("[!]x].txt", "a.txt", "].txt x.txt")]
    [InlineData("[a-c-].txt", "b.txt -.txt", "d.txt")]
    [InlineData("[[:digit:]_].txt", "7.txt _.txt", "d.txt :.txt")]
    [InlineData("[[:upper:]]*", "Ab", "ab")]
    [InlineData("[a.txt", "[a.txt", "a.txt")]
    [InlineData(@"\[a\].txt", "[a].txt", "a.txt")]
    [InlineData(@"a\*", "a*", "ab")]
    [InlineData("{a,b}.txt", "a.txt b.txt", "c.txt {a,b}.txt")]
    [InlineData("{a,b{1,2}}.txt", "a.txt b1.txt b2.txt", "b.txt")]
    [InlineData("x{,.gz}", "x x.gz", "x.zst")]
    [InlineData("{a}.txt", "{a}.txt", "a.txt")]
    [InlineData("p{08..11}", "p08 p09 p10 p11", "p8 p12")]
    [InlineData("p{a..c}", "pa pb pc", "pd")]
    [InlineData("*.txt", "a.txt a+b.txt", ".hidden.txt a/b.txt a.txt.gz")]
    [InlineData(".*.txt", ".hidden.txt", "a.txt")]
    [InlineData("?.txt", "a.txt", ".txt ab.txt /.txt")]
    [InlineData("**/*.txt", "a.txt b/a.txt c/b/a.txt", ".git/a.txt b/.git/a.txt b/.a.txt")]
    [InlineData("data/**", "data/a data/b/c", "data data/.git/a other/a")]
    [InlineData("a(b)|c$.txt", "a(b)|c$.txt", "ab")]
    public void Patterns_are_the_shells(string pattern, string fits, string fitsNot)
    {
        Assert.All(fits.Split(' '), path => Assert.True(Glob.Fits(path, pattern), path));
        Assert.All(fitsNot.Split(' '), path => Assert.False(Glob.Fits(path, pattern), path));
    }
}
