
using Electra.Storage;

namespace Electra.Tests.Storage;

public sealed class PathsTests
{
    [Fact]
    public void The_root_is_the_folder_of_the_solution() =>
        Assert.Equal(TestData.Repository, Paths.Root);

    [Fact]
    public void A_path_to_read_is_looked_for_in_the_working_directory_then_at_the_root()
    {
        using var root = TestData.Temporary();
        var scripts = Directory.CreateDirectory(root.File("scripts")).FullName;
        File.WriteAllText(root.File("a.yaml"), "");
        File.WriteAllText(root.File("b.yaml"), "");
        File.WriteAllText(Path.Combine(scripts, "b.yaml"), "");

        Assert.Equal(root.File("a.yaml"), Paths.Find("a.yaml", scripts, root.Path));
        Assert.Equal(Path.Combine(scripts, "b.yaml"), Paths.Find("b.yaml", scripts, root.Path));
        Assert.Equal(Path.Combine(scripts, "none.yaml"), Paths.Find("none.yaml", scripts, root.Path));
    }

    [Fact]
    public void A_tilde_is_the_home_folder_and_output_goes_under_the_root()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal([Path.Combine(home, "data")], Paths.Candidates("~/data"));
        Assert.Equal(Path.Combine(Paths.Root, "checkpoints", "x"), Paths.Output("checkpoints/x"));
    }
}
