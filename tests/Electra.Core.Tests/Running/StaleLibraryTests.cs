using Electra.Running;

namespace Electra.Tests.Running;

public sealed class StaleLibraryTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly string library, source;

    /// <summary>This test's own library, built a while ago, and the sources of the core.</summary>
    public StaleLibraryTests()
    {
        library = folder.File("core/bin/Release/net10.0/Electra.Core.dll");
        source = folder.File("core/Running/StaleLibrary.cs");
        Directory.CreateDirectory(Path.GetDirectoryName(library)!);
        Directory.CreateDirectory(Path.GetDirectoryName(source)!);
        foreach (var extension in new[] { ".dll", ".pdb" })
            File.Copy(Path.ChangeExtension(typeof(Experiment).Assembly.Location, extension), Path.ChangeExtension(library, extension));
        File.Copy(Path.Combine(TestData.Repository, "core/Running/StaleLibrary.cs"), source);
        File.SetLastWriteTimeUtc(library, DateTime.UtcNow.AddHours(-1));
        File.SetLastWriteTimeUtc(source, DateTime.UtcNow.AddHours(-2));
    }

    public void Dispose() => folder.Dispose();

    private string? Warning => StaleLibrary.Warning(library, folder.File("core"));

    [Fact]
    public void Sources_that_changed_after_the_build_are_named()
    {
        Assert.Null(Warning);
        File.AppendAllText(source, "// edited\n");
        Assert.Contains("core/Running/StaleLibrary.cs changed after", Warning);
        Assert.EndsWith("Build again: dotnet build -c Release", Warning);
    }

    [Fact]
    public void A_new_file_is_a_change_and_one_that_is_only_newer_is_none()
    {
        File.SetLastWriteTimeUtc(source, DateTime.UtcNow);
        Assert.Null(Warning);
        File.WriteAllText(folder.File("core/Running/New.cs"), "class New;");
        Assert.Contains("New.cs", Warning);
    }

    [Fact]
    public void What_the_build_makes_and_a_library_of_another_checkout_say_nothing()
    {
        Directory.CreateDirectory(folder.File("core/obj"));
        File.WriteAllText(folder.File("core/obj/Made.cs"), "class Made;");
        Assert.Null(Warning);
        File.AppendAllText(source, "// edited\n");
        Assert.Null(StaleLibrary.Warning(library, folder.File("elsewhere")));
    }
}
