using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// The output layer over the vocabulary: x Wᵀ + b in float32, the products in bfloat16. It goes through the vocabulary in pieces that
/// stay in the cache, so that neither a bfloat16 copy of W nor one of the gradient is ever whole in memory.
/// </summary>
internal static unsafe class VocabularyKernel
{
    private const int Piece = 512; // tokens at a time

    /// <summary>What one call works on.</summary>
    /// <param name="Rows">Rows of x.</param>
    /// <param name="Width">Width of x, a multiple of 32.</param>
    /// <param name="Tokens">The vocabulary's size.</param>
    /// <param name="Threads">Threads to use.</param>
    public readonly record struct Shape(int Rows, int Width, int Tokens, int Threads)
    {
        public int Pieces => (Tokens + Piece - 1) / Piece;

        public int Parts => Math.Clamp(Pieces, 1, Threads);

        public int LengthOf(int piece) => Math.Min(Piece, Tokens - (piece * Piece));
    }

    /// <summary>Writes the logits, <c>[rows, tokens]</c>.</summary>
    public static void Forward(Shape shape, ushort* x, float* words, float* bias, float* logits) =>
        ParallelRegion.Split(shape.Pieces, shape.Threads, (first, end) =>
        {
            var (rows, width, tokens, _) = shape;
            var rounded = (ushort*)NativeMemory.AlignedAlloc((nuint)(Piece * width * sizeof(ushort)), 64);
            for (int piece = first; piece < end; piece++)
            {
                int start = piece * Piece, length = shape.LengthOf(piece);
                Lane.Round(words + ((long)start * width), rounded, length * width);
                BFloat16Products.ByTransposed(rows, length, width, 1, x, width, rounded, width, logits + start, tokens);
                for (int row = 0; row < rows; row++)
                    Add(bias + start, logits + start + ((long)row * tokens), length);
            }
            NativeMemory.AlignedFree(rounded);
        });

    /// <summary>
    /// Writes the gradient of x, and adds those of W and b to <paramref name="wordsGradient"/> and <paramref name="biasGradient"/>.
    /// </summary>
    public static void Backward(Shape shape, float* gradient, ushort* x, float* words, ushort* xGradient, float* wordsGradient, float* biasGradient)
    {
        int parts = shape.Parts, count = shape.Rows * shape.Width;
        var partial = new float[(long)parts * count];
        fixed (float* sums = partial)
        {
            float* all = sums;
            ParallelRegion.Run(parts, part =>
            {
                var (rows, width, tokens, _) = shape;
                float* sum = all + ((long)part * count);
                var rounded = (ushort*)NativeMemory.AlignedAlloc((nuint)(Piece * (width + rows) * sizeof(ushort)), 64);
                var tile = rounded + (Piece * width);
                for (int piece = (int)((long)shape.Pieces * part / parts), end = (int)((long)shape.Pieces * (part + 1) / parts); piece < end; piece++)
                {
                    int start = piece * Piece, length = shape.LengthOf(piece);
                    for (int row = 0; row < rows; row++)
                    {
                        Add(gradient + start + ((long)row * tokens), biasGradient + start, length);
                        Lane.Round(gradient + start + ((long)row * tokens), tile + (row * Piece), length);
                    }
                    Lane.Round(words + ((long)start * width), rounded, length * width);
                    BFloat16Products.TransposedBy(length, width, rows, tile, Piece, x, width, 1, wordsGradient + ((long)start * width), width);
                    BFloat16Products.By(rows, width, length, tile, Piece, rounded, width, 1, sum, width);
                }
                NativeMemory.AlignedFree(rounded);
            });
            for (int part = 1; part < parts; part++)
                Add(sums + ((long)part * count), sums, count);
            Lane.Round(sums, xGradient, count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(float* source, float* target, int count)
    {
        int i = 0;
        for (; i + Lane.Width <= count; i += Lane.Width)
            (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
        for (; i < count; i++)
            target[i] += source[i];
    }
}
