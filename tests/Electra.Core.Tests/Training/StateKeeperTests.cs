using Electra.Configuration;
using Electra.Optimization;
using Electra.Running;
using Electra.Storage;
using Electra.Tensors;
using Electra.Training;

namespace Electra.Tests.Training;

/// <summary>A state is resumed from by the same model alone: same names, shapes and order of parameters, same version of the kit.</summary>
public sealed class StateKeeperTests : IDisposable
{
    private readonly TemporaryFolder folder = TestData.Temporary();

    public void Dispose() => folder.Dispose();

    private sealed record Position(long Step);

    [Fact]
    public void A_state_of_the_same_model_is_read()
    {
        Save("query", "key");
        using var store = Store("query", "key");
        store.Values.zero_();
        Assert.Equal(7, Resume(store)!.Step);
        Assert.NotEqual(0, store.Values.abs().sum().item<float>());
    }

    /// <summary>The flat tensors of both are of one size: without names they would load, and mean something else.</summary>
    [Theory]
    [InlineData("key", "query")]
    [InlineData("query", "value")]
    public void A_state_whose_parameters_have_another_order_or_other_names_is_refused(string first, string second)
    {
        Save("query", "key");
        using var store = Store(first, second);
        var error = Assert.Throws<UserErrorException>(() => Resume(store));
        Assert.Contains("another order, under other names", error.Message);
        Assert.Contains("the way out", error.Message);
    }

    /// <summary>The configuration is the same: <c>training.precision: auto</c>, on another processor.</summary>
    [Fact]
    public void A_run_that_goes_on_in_another_precision_says_so()
    {
        Save("query", "key");
        var warnings = new List<string>();
        using (var store = Store("query", "key"))
            Assert.NotNull(Resume(store, warnings.Add));
        Assert.Empty(warnings);
        using (var store = Store(Compute.Reference with { Precision = Precision.Bfloat16 }, "query", "key"))
            Assert.NotNull(Resume(store, warnings.Add));
        Assert.Contains("step_7 was computed in float32, and the run goes on in bfloat16", Assert.Single(warnings));
    }

    [Fact]
    public void A_state_of_an_earlier_version_is_refused_with_what_can_be_done()
    {
        Save("query", "key");
        var file = folder.File("states/step_7/state.json");
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        json.Remove("format");
        json.Remove("fingerprint");
        SealedJson.Write(file, json);
        using var store = Store("query", "key");
        var error = Assert.Throws<UserErrorException>(() => Resume(store));
        Assert.Contains("of another version of this kit", error.Message);
        Assert.Contains("resume=never", error.Message);
    }

    [Fact]
    public void What_stands_in_the_place_of_states_is_found_before_the_first_is_saved()
    {
        using var store = Store("query");
        foreach (var (what, said) in OddFiles.All.Where(odd => odd.What != "folder"))
        {
            OddFiles.Put(what, folder.File("states"));
            Assert.Contains(said, Assert.Throws<UserErrorException>(() => Resume(store)).Message);
            OddFiles.Remove(folder.File("states"));
        }
    }

    private Position? Resume(ParameterStore store, Action<string>? warn = null)
    {
        using var adam = new Adam(store, new AdamOptions());
        return Keeper(store, adam).Resume(warn ?? (_ => { }))?.Position;
    }

    private void Save(params string[] names)
    {
        using var store = Store(names);
        using var adam = new Adam(store, new AdamOptions());
        Keeper(store, adam).Save(7, new Position(7));
    }

    private StateKeeper<Position> Keeper(ParameterStore store, Adam adam) =>
        new(
            new RunIdentity(folder.Path, ScriptText.Read(""), "steps: 9\n", ConfigValues.Of, "data", "This is the way out."),
            store,
            adam.State,
            keep: 1
        );

    private static ParameterStore Store(params string[] names) => Store(Compute.Reference, names);

    private static ParameterStore Store(Compute compute, params string[] names)
    {
        var store = new ParameterStore();
        foreach (var name in names)
            store.Add(name, [4, 4], ParameterRole.Weight, Initialization.Normal);
        return store.Allocate(compute, seed: 1);
    }
}
