using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// Multi-head attention, one head of one sequence after the other: its scores stay in the cache, queries, keys and values
/// are read where the projection left them, and padding is not computed.
/// </summary>
internal static unsafe class AttentionKernel
{
    /// <summary>What one call works on.</summary>
    /// <param name="Batch">Sequences.</param>
    /// <param name="Length">Positions of each, padding included.</param>
    /// <param name="Heads">Attention heads.</param>
    /// <param name="Size">Width of a head, a multiple of 16.</param>
    /// <param name="Blocks">Tokens of each part of each sequence that attends to itself alone, one after the other; null: each sequence is
    /// one, and none is padded.</param>
    /// <param name="Mask">The dropout of the attention weights: a row of it is a head.</param>
    public sealed record Shape(int Batch, int Length, int Heads, int Size, IReadOnlyList<int[]>? Blocks, KeepMask Mask)
    {
        private readonly int[] whole = [Length];

        /// <summary>Distance between rows of attention weights: the length, rounded up to what a step of the kernel takes.</summary>
        public int Stride => InSteps(Length);

        /// <summary>A number of columns, rounded up to what a step of the kernel takes.</summary>
        public static int InSteps(int columns) => (columns + (2 * Lane.Width) - 1) / (2 * Lane.Width) * (2 * Lane.Width);

        /// <summary>Width of all heads together.</summary>
        public int Hidden => Heads * Size;

        public float Scale => 1 / MathF.Sqrt(Size);

        public int[] BlocksOf(int sequence) => Blocks?[sequence] ?? whole;
    }

    /// <summary>Attends.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="heads">Which heads, those of all sequences counted through.</param>
    /// <param name="queryKeyValue"><c>[batch · length, 3 · hidden]</c>.</param>
    /// <param name="context">The result, <c>[batch · length, hidden]</c>.</param>
    /// <param name="weights">Receives the attention weights before dropout, <c>[batch · heads, length, stride]</c>; null: not kept.</param>
    public static void Forward<T>(Shape shape, HeadRange heads, T* queryKeyValue, T* context, T* weights)
        where T : unmanaged, INumberFormat<T>
    {
        var (stride, size, hidden) = (shape.Stride, shape.Size, shape.Hidden);
        ForEachBlock<T>(
            shape,
            heads,
            (Block block, ref KeepMask.Draws draws, Scratch<T> scratch) =>
            {
                int length = block.Length;
                var query = queryKeyValue + (block.Row * 3 * hidden) + (block.Head * size);
                T* key = query + hidden,
                    value = query + (2 * hidden);
                var kept = weights is null ? null : weights + (block.WeightRow * stride);

                var scores = new Scaled(shape.Scale, scratch.Scores, stride);
                Compare(block, size, new(query, 3 * hidden), new(key, 3 * hidden), scratch, scores);
                int columns = Shape.InSteps(length); // of this block: what is drawn for it does not depend on the longest one
                for (int row = 0; row < length; row++)
                    SoftmaxRow(
                        scratch.Scores + (row * stride),
                        length,
                        columns,
                        ref draws,
                        kept is null ? null : kept + (row * stride),
                        scratch.First + (row * stride)
                    );
                T* target = context + (block.Row * hidden) + (block.Head * size);
                Weigh(block, size, new(scratch.First, stride), new(value, 3 * hidden), scratch, target, hidden);
            },
            padding => ZeroRows(context + (padding.Row * hidden) + (padding.Head * size), padding.Length, size, hidden)
        );
    }

    /// <summary>The gradient of queries, keys and values from that of the result.</summary>
    public static void Backward<T>(Shape shape, HeadRange heads, T* gradient, T* queryKeyValue, T* weights, T* result)
        where T : unmanaged, INumberFormat<T>
    {
        var (stride, size, hidden) = (shape.Stride, shape.Size, shape.Hidden);
        ForEachBlock<T>(
            shape,
            heads,
            (Block block, ref KeepMask.Draws draws, Scratch<T> scratch) =>
            {
                int length = block.Length;
                long start = (block.Row * 3 * hidden) + (block.Head * size);
                T* query = queryKeyValue + start,
                    key = query + hidden,
                    value = query + (2 * hidden);
                var ofContext = new Factor<T>(gradient + (block.Row * hidden) + (block.Head * size), hidden);
                var kept = weights + (block.WeightRow * stride);

                Compare(block, size, ofContext, new(value, 3 * hidden), scratch, new Written(scratch.Scores, stride));
                int columns = Shape.InSteps(length);
                for (int row = 0; row < length; row++)
                    SoftmaxRowBackward(
                        scratch.Scores + (row * stride),
                        length,
                        columns,
                        shape.Scale,
                        ref draws,
                        kept + (row * stride),
                        scratch.First + (row * stride),
                        scratch.Second + (row * stride)
                    );

                T* target = result + start;
                Weigh(block, size, new(scratch.Second, stride), new(key, 3 * hidden), scratch, target, 3 * hidden);
                Factor<T> ofScores = new(scratch.Second, stride, isTransposed: true),
                    dropped = new(scratch.First, stride, isTransposed: true);
                Weigh(block, size, ofScores, new(query, 3 * hidden), scratch, target + hidden, 3 * hidden);
                Weigh(block, size, dropped, ofContext, scratch, target + (2 * hidden), 3 * hidden);
            },
            padding =>
            {
                var target = result + (padding.Row * 3 * hidden) + (padding.Head * size);
                for (int part = 0; part < 3; part++)
                    ZeroRows(target + (part * hidden), padding.Length, size, 3 * hidden);
            }
        );
    }

    /// <summary>The products of each row with each of others.</summary>
    private static void Compare<T, TEnd>(Block block, int size, Factor<T> rows, Factor<T> others, Scratch<T> scratch, TEnd end)
        where T : unmanaged, INumberFormat<T>
        where TEnd : struct, IProductEnd =>
        MatrixProduct<T>.To(
            block.Length,
            block.Length,
            size,
            rows,
            new(others.First, others.Stride, isTransposed: true),
            scratch.Space,
            end
        );

    /// <summary>Sums of rows, by weights.</summary>
    private static void Weigh<T>(Block block, int size, Factor<T> weights, Factor<T> rows, Scratch<T> scratch, T* target, int stride)
        where T : unmanaged, INumberFormat<T> =>
        MatrixProduct<T>.To(block.Length, size, block.Length, weights, rows, scratch.Space, new Rounded<T>(null, 0, target, stride));

    /// <summary>Softmax of a row of scores; <paramref name="columns"/> are computed, those from <paramref name="length"/> on get the
    /// weight 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxRow<T>(float* scores, int length, int columns, ref KeepMask.Draws draws, T* weights, T* dropped)
        where T : unmanaged, INumberFormat<T>
    {
        for (int i = length; i < columns; i++)
            scores[i] = float.NegativeInfinity;
        var largest = Vector512.Load(scores);
        for (int i = Lane.Width; i < columns; i += Lane.Width)
            largest = Vector512.Max(largest, Vector512.Load(scores + i));
        var halves = Vector256.Max(largest.GetLower(), largest.GetUpper());
        float top = float.NegativeInfinity;
        for (int i = 0; i < 8; i++)
            top = Math.Max(top, halves[i]);
        Vector512<float> most = Vector512.Create(top), total = default;
        for (int i = 0; i < columns; i += Lane.Width)
        {
            var score = Vector512.Load(scores + i);
            var e = Lane.Exp(score - most) & Vector512.GreaterThan(score, Vector512.Create(float.NegativeInfinity));
            total += e;
            e.Store(scores + i);
        }
        var scale = Vector512.Create(1 / Vector512.Sum(total));
        for (int i = 0; i < columns; i += 2 * Lane.Width)
        {
            var (low, high) = draws.Next();
            Vector512<float> a = Vector512.Load(scores + i) * scale, b = Vector512.Load(scores + i + Lane.Width) * scale;
            if (weights is not null)
                T.Store(a, b, weights + i);
            T.Store(a * low, b * high, dropped + i);
        }
    }

    /// <summary>From the gradient of the dropped weights of a row: the dropped weights again, and the gradient of the unscaled
    /// scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SoftmaxRowBackward<T>(
        float* gradient,
        int length,
        int columns,
        float scale,
        ref KeepMask.Draws draws,
        T* weights,
        T* dropped,
        T* ofScores
    )
        where T : unmanaged, INumberFormat<T>
    {
        for (int i = length; i < columns; i++)
            gradient[i] = 0;
        Vector512<float> projection = default;
        for (int i = 0; i < columns; i += 2 * Lane.Width)
        {
            var (low, high) = draws.Next();
            Vector512<float> a = T.Load(weights + i), b = T.Load(weights + i + Lane.Width);
            T.Store(a * low, b * high, dropped + i);
            low *= Vector512.Load(gradient + i);
            high *= Vector512.Load(gradient + i + Lane.Width);
            low.Store(gradient + i);
            high.Store(gradient + i + Lane.Width);
            projection = Vector512.FusedMultiplyAdd(a, low, Vector512.FusedMultiplyAdd(b, high, projection));
        }
        Vector512<float> mean = Vector512.Create(Vector512.Sum(projection)), factor = Vector512.Create(scale);
        for (int i = 0; i < columns; i += 2 * Lane.Width)
        {
            int j = i + Lane.Width;
            T.Store(
                (Vector512.Load(gradient + i) - mean) * T.Load(weights + i) * factor,
                (Vector512.Load(gradient + j) - mean) * T.Load(weights + j) * factor,
                ofScores + i
            );
        }
    }

    private static void ZeroRows<T>(T* target, int rows, int width, int stride)
        where T : unmanaged
    {
        for (int row = 0; row < rows; row++)
            new Span<T>(target + ((long)row * stride), width).Clear();
    }

    /// <summary>Working memory of one thread.</summary>
    private readonly struct Scratch<T>(float* scores, float* space, T* first, T* second) where T : unmanaged
    {
        public readonly float* Scores = scores, Space = space;
        public readonly T* First = first, Second = second;
    }

    /// <summary>A head of a part of a sequence that attends to itself alone, or of its padding.</summary>
    /// <param name="Head">Which head.</param>
    /// <param name="Row">Its first row, those of all sequences counted through.</param>
    /// <param name="WeightRow">Its first row of attention weights, those of all heads counted through.</param>
    /// <param name="Length">Its rows.</param>
    private readonly record struct Block(int Head, long Row, long WeightRow, int Length);

    private delegate void BlockWork<T>(Block block, ref KeepMask.Draws draws, Scratch<T> scratch)
        where T : unmanaged, INumberFormat<T>;

    private static void ForEachBlock<T>(Shape shape, HeadRange heads, BlockWork<T> work, Action<Block> clear)
        where T : unmanaged, INumberFormat<T>
    {
        long square = (long)shape.Length * shape.Stride,
            room = Math.Max(
                MatrixProduct<T>.Space(shape.Length, shape.Length, shape.Size),
                MatrixProduct<T>.Space(shape.Length, shape.Size, shape.Length)
            );
        var memory = (byte*)
            NativeMemory.AlignedAlloc((nuint)((square * (sizeof(float) + (2 * sizeof(T)))) + (room * sizeof(float))), 64);
        float* scores = (float*)memory,
            space = scores + square;
        var dropped = (T*)(space + room);
        var scratch = new Scratch<T>(scores, space, dropped, dropped + square);
        for (int i = heads.First; i < heads.End; i++)
        {
            var (sequence, head) = Math.DivRem(i, shape.Heads);
            var draws = shape.Mask[i];
            int start = 0;
            foreach (int length in shape.BlocksOf(sequence))
            {
                work(At(start, length), ref draws, scratch);
                start += length;
            }
            clear(At(start, shape.Length - start));

            Block At(int first, int length) =>
                new(head, ((long)sequence * shape.Length) + first, ((long)i * shape.Length) + first, length);
        }
        NativeMemory.AlignedFree(memory);
    }
}

/// <summary>Heads <paramref name="First"/> to <paramref name="End"/> − 1, those of all sequences counted through.</summary>
internal readonly record struct HeadRange(int First, int End);
