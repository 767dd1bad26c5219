using Electra.Running;

namespace Electra.Tests.Running;

public sealed class ScriptTextTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("var a = 1;", "// what it is\nvar  a\n  = 1 ; /* one */ // there")]
    [InlineData("f(x,y);", "f(\r\n    x, // first\r\n    y);\r\n")]
    [InlineData("a+-b;", "a + -b;")]
    [InlineData("#r \"a  b.dll\"\nx();", "#!/usr/bin/env dotnet-script\n  # r   \"a  b.dll\" // library\n\nx();")]
    [InlineData("""x = $"{a} // {b:0 //} \" {{" + 'c';""", """x=$"{a} // {b:0 //} \" {{"+'c';// "end""")]
    [InlineData("var s = @\"a \"\" //\"; y();", "var s = @\"a \"\" //\";\ny() ; // \"")]
    [InlineData("var s = $$\"\"\"{a} \"\" {{ f(\"}}\") }} // \"\"\"; y();", "var s=$$\"\"\"{a} \"\" {{ f(\"}}\") }} // \"\"\";y();")]
    [InlineData("var s = $\"{(a ? \"// x\" : \"y\")}\"; y();", "var s = $\"{(a ? \"// x\" : \"y\")}\";   y();")]
    [InlineData("c = '\"'; d = '\\''; y();", "c='\"';d='\\'';/* ' \" */y();")]
    public void Comments_and_white_space_do_not_count(string one, string other) => Assert.Equal(Tokens(one), Tokens(other));

    [Theory]
    [InlineData("var a = 1;", "var a = 2;")]
    [InlineData("var ab = 1;", "var a b = 1;")]
    [InlineData("x = \"a b\";", "x = \"a  b\";")]
    [InlineData("x = \"// a\";", "x = \"// b\";")]
    [InlineData("x = @\"\n//a\n\";", "x = @\"\n//b\n\";")]
    [InlineData("x = \"\"\"\n  // a\n  \"\"\";", "x = \"\"\"\n  // b\n  \"\"\";")]
    [InlineData("x = $\"{a:0.0}\";", "x = $\"{a:0.00}\";")]
    [InlineData("x = $\"{f(\"// a\")}\";", "x = $\"{f(\"// b\")}\";")]
    [InlineData("a-- - b;", "a - --b;")]
    [InlineData("x = '/'; y = '/'; f();", "x = '/'; y = '/'; g();")]
    [InlineData("#if DEBUG\nf();\n#endif", "#if RELEASE\nf();\n#endif")]
    [InlineData("#define A\nf();", "f();")]
    [InlineData("#r \"a.dll\"", "#r \"b.dll\"")]
    public void All_else_counts(string one, string other) => Assert.NotEqual(Tokens(one), Tokens(other));

    [Fact]
    public void A_text_that_is_not_a_script_is_read_to_its_end_all_the_same()
    {
        var random = new Random(5);
        const string Alphabet = "\"'$@{}/*\\#\n :;ab\0(";
        for (int i = 0; i < 20_000; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(24)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
            Assert.All(ScriptLexer.Read(text), token => Assert.InRange(token.Line, 1, text.Count(c => c == '\n') + 1));
        }
    }

    [Fact]
    public void The_kept_text_is_that_of_the_script_and_of_what_it_loads()
    {
        Write("script.csx", "// Trains.\n#load \"lib/a.csx\"\n#load \"../core/bin/Release/net10.0/electra.csx\"\nrun();\n");
        Write("lib/a.csx", "#load \"b.csx\"\nvoid a() {}\n");
        Write("lib/b.csx", "#load \"a.csx\"\nvoid b() {}\n");
        Directory.CreateDirectory(folder.File("run"));
        Keep();
        Assert.Equal("""
            // Trains.
            // #load "lib/a.csx"
            // #load "b.csx"
            // #load "a.csx"
            void b() {}

            // end of b.csx
            void a() {}

            // end of a.csx
            #load "../core/bin/Release/net10.0/electra.csx"
            run();

            """.ReplaceLineEndings("\n"), File.ReadAllText(folder.File("run/script.csx")));
        Assert.Null(Compare());

        // The library may lie elsewhere, and a comment may come.
        Write("script.csx", "// Trains well.\n#load \"lib/a.csx\"\n#load \"/elsewhere/electra.csx\"\nrun( ); // now\n");
        Assert.Null(Compare());

        Write("lib/b.csx", "#load \"a.csx\"\n\n\nvoid b() { run(); }\n");
        Assert.Equal($"""
            the run in {folder.File("run")} was made with another script:
              now   {folder.File("lib/b.csx")}(4): {"void b() { run(); }"}
              then  {folder.File("run/script.csx")}(5): {"void b() {}"}
            Start over. To resume it with the edited script all the same, first remove {folder.File("run/script.csx")}.
            """, Compare());
    }

    [Fact]
    public void A_run_that_kept_no_text_is_not_compared()
    {
        Write("script.csx", "run();");
        Directory.CreateDirectory(folder.File("run"));
        Assert.Null(Compare());
        ScriptText.Read("").Save(folder.File("run"));
        Assert.Empty(Directory.GetFiles(folder.File("run")));
        Keep();
        Assert.Null(Record.Exception(() => ScriptText.Read("").RequireSame(folder.File("run"), "")));
    }

    [Fact]
    public void The_comment_at_the_head_describes_the_script()
    {
        Write("script.csx", "#!/usr/bin/env dotnet-script\n\n// Trains.\n//\n//   data   on text\n\n// Not this.\nrun();");
        Assert.Equal("Trains.\n\n  data   on text", ScriptText.Read(folder.File("script.csx")).Description);
        Write("script.csx", "run();");
        Assert.Equal("", ScriptText.Read(folder.File("script.csx")).Description);
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(name))!);
        File.WriteAllText(folder.File(name), text);
    }

    private void Keep() => ScriptText.Read(folder.File("script.csx")).Save(folder.File("run"));

    private string? Compare() =>
        Record.Exception(() => ScriptText.Read(folder.File("script.csx")).RequireSame(folder.File("run"), "Start over."))?.Message;

    private static string[] Tokens(string text) => [.. ScriptLexer.Read(text.ReplaceLineEndings("\n")).Select(token => token.Text)];
}
