using Electra.Configuration;
using Electra.Distributed;
using Electra.Native;
using Electra.Storage;
using Electra.Tensors;

namespace Electra.Running;

/// <summary>The beginning and the end of a run that several processes make together.</summary>
internal static class RunRanks
{
    /// <summary>Whether another process, which the launcher started too, says for this one what all would say.</summary>
    public static bool IsNotFirst(object config) =>
        config is ISharedRun { Compute.Communication: not Communication.None } && Launcher.Current is { Rank: > 0 };

    /// <summary>The launcher of the processes that share many runs; null: none, or each process is on its own.</summary>
    public static Launcher? Spreading(ComputeOptions compute) =>
        compute.Communication == Communication.None ? null : Launcher.Current;

    /// <summary>What stands before milestones of the runs that this process makes; empty: it makes none of its own.</summary>
    public static string NameOf(object config) =>
        config is ISharedRun { Share: RunShare.Spread } ? $"rank {Launcher.Current?.Rank}" : "";

    /// <summary>
    /// Ends a run that fails on this rank. Where all fail for the same reason, rank 0 alone says it; where the others go on, they are
    /// ended.
    /// </summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="message">What is wrong; empty: nothing is to be said.</param>
    /// <param name="exitCode">The exit code.</param>
    /// <param name="say">Says it.</param>
    public static void End(ICommunicator ranks, string message, int exitCode, Action<string> say)
    {
        if (ranks.Rank == 0 && message != "")
            say(message); // before the launcher may end this process because of another
        bool? alike = null;
        try
        {
            alike = ranks.EndsAlike(message);
        }
        catch (CommunicationException)
        {
            // They cannot be reached, which may be why this one ends: the first reason is the one to tell.
        }
        if (ranks.Rank > 0 && alike != true && message != "")
            say($"rank {ranks.Rank} of {ranks.WorldSize} on {Environment.MachineName}: {message}");
        if (alike is null)
            ranks.Abort(exitCode);
    }

    /// <summary>Waits for the ranks that still prepare their data: a machine may have it from before, and another take hours.</summary>
    public static void AwaitPreparation(ICommunicator ranks, RunConsole console) =>
        ranks.AwaitAll(() => console.Line("Waiting for the other ranks, which still prepare their data."));

    /// <summary>Makes sure that all ranks were asked for the same run.</summary>
    /// <exception cref="UserErrorException">This one was not.</exception>
    public static void RequireSame(ICommunicator ranks, ISharedRun shared, ScriptText script)
    {
        if (ranks.WorldSize == 1)
            return;
        var asked = ConfigValues.Of(shared.SharedYaml).ToDictionary();
        asked["the script"] = $"{Path.GetFileName(script.File)} {Fingerprint.Of(script.Joined)}";
        RequireSame(
            ranks,
            asked,
            "all ranks of a run must be asked for the same, and this one is not",
            "compute.communication=none makes each process a run of its own"
        );
    }

    /// <summary>Makes sure that all ranks have the same. A call of all ranks.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="own">What this one has, by name.</param>
    /// <param name="problem">What is said where it has another than rank 0.</param>
    /// <param name="advice">What the user can do.</param>
    /// <exception cref="UserErrorException">This one has another.</exception>
    /// <exception cref="OtherRankException">Another one has.</exception>
    public static void RequireSame(ICommunicator ranks, IReadOnlyDictionary<string, string> own, string problem, string advice)
    {
        if (ranks.WorldSize == 1)
            return;
        var first = ranks.OfFirst(() => own);
        string[] differences =
        [
            .. from name in own.Keys.Union(first.Keys)
               let here = own.GetValueOrDefault(name, "missing")
               let there = first.GetValueOrDefault(name, "missing")
               where here != there
               select $"{name} is {here}, and {there} on rank 0",
        ];
        if (ranks.Max(differences.Length) == 0)
            return;
        throw differences.Length > 0
            ? new UserErrorException($"{problem}: {string.Join("; ", differences)}. {advice}")
            : new OtherRankException();
    }
}
