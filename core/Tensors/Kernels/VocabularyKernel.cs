using System.Runtime.InteropServices;
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
        ParallelRegion.Split(
            shape.Pieces,
            shape.Threads,
            (first, end) =>
            {
                var (rows, width, tokens, _) = shape;
                var rounded = (ushort*)NativeMemory.AlignedAlloc((nuint)(Piece * width * sizeof(ushort)), 64);
                for (int piece = first; piece < end; piece++)
                {
                    int start = piece * Piece,
                        length = shape.LengthOf(piece);
                    Lane.Round(words + ((long)start * width), rounded, length * width);
                    BFloat16Products.ByTransposed(rows, length, width, 1, x, width, rounded, width, logits + start, tokens);
                    for (int row = 0; row < rows; row++)
                        Lane.Add(bias + start, logits + start + ((long)row * tokens), length);
                }
                NativeMemory.AlignedFree(rounded);
            }
        );

    /// <summary>
    /// Writes the gradient of x, and adds those of W and b to <paramref name="wordsGradient"/> and <paramref name="biasGradient"/>.
    /// </summary>
    public static void Backward(
        Shape shape,
        float* gradient,
        ushort* x,
        float* words,
        ushort* xGradient,
        float* wordsGradient,
        float* biasGradient
    )
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
                    var rounded = (ushort*)NativeMemory.AlignedAlloc((nuint)(Piece * (width + rows) * sizeof(ushort)), 64);
                    var tile = rounded + (Piece * width);
                    for (int piece = first; piece < end; piece++)
                    {
                        int start = piece * Piece,
                            length = shape.LengthOf(piece);
                        for (int row = 0; row < rows; row++)
                        {
                            Lane.Add(gradient + start + ((long)row * tokens), biasGradient + start, length);
                            Lane.Round(gradient + start + ((long)row * tokens), tile + (row * Piece), length);
                        }
                        Lane.Round(words + ((long)start * width), rounded, length * width);
                        BFloat16Products.TransposedBy(
                            length,
                            width,
                            rows,
                            tile,
                            Piece,
                            x,
                            width,
                            1,
                            wordsGradient + ((long)start * width),
                            width
                        );
                        BFloat16Products.By(rows, width, length, tile, Piece, rounded, width, 1, sum, width);
                    }
                    NativeMemory.AlignedFree(rounded);
                }
            );
            for (int part = 1; part < parts; part++)
                Lane.Add(sums + ((long)part * count), sums, count);
            Lane.Round(sums, xGradient, count);
        }
    }
}
