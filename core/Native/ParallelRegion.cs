using System.Runtime.InteropServices;

namespace Electra.Native;

/// <summary>Runs work on the threads that libtorch's own kernels run on.</summary>
/// <remarks>
/// The threads of libtorch's OpenMP runtime spin for a while after each kernel. Threads of .NET beside them would fight them for the
/// processors; so the work is handed to the same team (<c>GOMP_parallel</c>, what a compiler makes of <c>#pragma omp parallel</c>),
/// which also starts it within microseconds. MKL is told to use one thread for each product in it: some of its products would open a
/// region of their own, of one thread, with memory from the heap and calls of the system (those of bfloat16, 1,300 times a step).
/// </remarks>
internal static unsafe class ParallelRegion
{
    private static readonly delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void> Start;

    /// <summary>From the threads that products of the calling thread use to what it was; 0: those that are set for all. Null: this libtorch
    /// lacks it.</summary>
    private static readonly delegate* unmanaged<int, int> SetProductThreads =
        (delegate* unmanaged<int, int>)MatrixProducts.Export("MKL_Set_Num_Threads_Local");

    static ParallelRegion()
    {
        if (!OperatingSystem.IsLinux()
            || Directory.GetFiles(LibTorch.Folder, "libgomp*.so*") is not [var file]
            || !NativeLibrary.TryLoad(file, out nint library)
            || !NativeLibrary.TryGetExport(library, "GOMP_parallel", out nint start))
            return;
        Start = (delegate* unmanaged<delegate* unmanaged<nint, void>, nint, uint, uint, void>)start;
    }

    /// <summary>Calls <paramref name="work"/> with 0 to <paramref name="threads"/> − 1, each on a thread of its own. It must not
    /// throw.</summary>
    public static void Run(int threads, Action<int> work)
    {
        if (threads == 1)
            work(0);
        else if (Start is null)
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, work);
        else
        {
            var team = new Team(threads, work);
            var handle = GCHandle.Alloc(team);
            try
            {
                Start(&Body, GCHandle.ToIntPtr(handle), (uint)threads, 0);
            }
            finally
            {
                handle.Free();
            }
        }
    }

    /// <summary>Calls <paramref name="work"/> with equal ranges (first, end) of 0 to <paramref name="count"/> − 1, one for each
    /// thread.</summary>
    public static void Split(int count, int threads, Action<int, int> work) =>
        Run(Math.Clamp(count, 1, threads), thread =>
        {
            var (first, end) = Part(count, thread, Math.Clamp(count, 1, threads));
            work(first, end);
        });

    /// <summary>The range (first, end) of 0 to <paramref name="count"/> − 1 that is one of so many equal parts.</summary>
    public static (int First, int End) Part(int count, int part, int parts) =>
        ((int)((long)count * part / parts), (int)((long)count * (part + 1) / parts));

    private sealed record Team(int Threads, Action<int> Work)
    {
        public int Joined;
    }

    /// <summary>Inside another region the runtime may give fewer threads than were asked for: each goes on until all parts are
    /// done.</summary>
    [UnmanagedCallersOnly]
    private static void Body(nint handle)
    {
        var team = (Team)GCHandle.FromIntPtr(handle).Target!;
        int before = SetProductThreads is null ? 0 : SetProductThreads(1);
        for (int part; (part = Interlocked.Increment(ref team.Joined) - 1) < team.Threads;)
            team.Work(part);
        if (SetProductThreads is not null)
            SetProductThreads(before);
    }
}
