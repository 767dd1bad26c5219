using System.Runtime.InteropServices;
using Electra.Native;

namespace Electra.Tensors.Kernels;

/// <summary>
/// The output layer over the vocabulary: x Wᵀ + b in float32. It goes through the vocabulary in pieces that stay in the cache, so that
/// neither a copy of W in the format of the products nor one of the gradient is ever whole in memory.
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
    public static void Forward<T>(Shape shape, T* x, float* words, float* bias, float* logits)
        where T : unmanaged, INumberFormat<T> =>
        ParallelRegion.Split(
            shape.Pieces,
            shape.Threads,
            (first, end) =>
            {
                var (rows, width, tokens, _) = shape;
                var rounded = (T*)NativeMemory.AlignedAlloc((nuint)(Piece * width * sizeof(T)), 64);
                for (int piece = first; piece < end; piece++)
                {
                    int start = piece * Piece,
                        length = shape.LengthOf(piece);
                    var own = T.From(words + ((long)start * width), rounded, length * width);
                    T.Multiply(rows, length, width, new(x, width), new(own, width, isTransposed: true), 0, logits + start, tokens);
                    for (int row = 0; row < rows; row++)
                        Lane.Add(bias + start, logits + start + ((long)row * tokens), length);
                }
                NativeMemory.AlignedFree(rounded);
            }
        );

    /// <summary>
    /// Writes the gradient of x, and adds those of W and b to <paramref name="wordsGradient"/> and <paramref name="biasGradient"/>.
    /// </summary>
    public static void Backward<T>(
        Shape shape,
        float* gradient,
        T* x,
        float* words,
        T* xGradient,
        float* wordsGradient,
        float* biasGradient
    )
        where T : unmanaged, INumberFormat<T>
    {
        int parts = shape.Parts,
            count = shape.Rows * shape.Width;
        var partial = new float[(long)parts * count];
        fixed (float* sums = partial)
        {
            float* all = sums;
            ParallelRegion.Run(
                parts,
                part =>
                {
                    var (rows, width, tokens, _) = shape;
                    var (first, end) = ParallelRegion.Part(shape.Pieces, part, parts);
                    float* sum = all + ((long)part * count);
                    var rounded = (T*)NativeMemory.AlignedAlloc((nuint)(Piece * (width + rows) * sizeof(T)), 64);
                    var tile = rounded + (Piece * width);
                    for (int piece = first; piece < end; piece++)
                    {
                        int start = piece * Piece,
                            length = shape.LengthOf(piece);
                        for (int row = 0; row < rows; row++)
                        {
                            Lane.Add(gradient + start + ((long)row * tokens), biasGradient + start, length);
                            T.Round(gradient + start + ((long)row * tokens), tile + (row * Piece), length);
                        }
                        T.Multiply(
                            length,
                            width,
                            rows,
                            new(tile, Piece, isTransposed: true),
                            new(x, width),
                            1,
                            wordsGradient + ((long)start * width),
                            width
                        );
                        var own = T.From(words + ((long)start * width), rounded, length * width);
                        T.Multiply(rows, width, length, new(tile, Piece), new(own, width), 1, sum, width);
                    }
                    NativeMemory.AlignedFree(rounded);
                }
            );
            for (int part = 1; part < parts; part++)
                Lane.Add(sums + ((long)part * count), sums, count);
            T.Round(sums, xGradient, count);
        }
    }
}
