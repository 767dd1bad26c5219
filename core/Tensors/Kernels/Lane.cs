using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Electra.Tensors.Kernels;

/// <summary>Sixteen numbers at a time: bfloat16 in memory, float32 in registers.</summary>
internal static unsafe class Lane
{
    /// <summary>Numbers in a register.</summary>
    public const int Width = 16;

    /// <summary>Whether the processor has what the kernels of this folder are written for (AVX-512).</summary>
    public static bool Supported => Avx512BW.IsSupported && Vector512.IsHardwareAccelerated;

    /// <summary>Reads sixteen bfloat16 numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ushort* source) =>
        (Avx512F.ConvertToVector512UInt32(Vector256.Load(source)) << 16).AsSingle();

    /// <summary>Writes sixteen numbers as bfloat16, rounded to the nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ushort* target) =>
        Avx512F.ConvertToVector256UInt16(Rounded(value) >>> 16).Store(target);

    /// <summary>Writes thirty-two numbers as bfloat16, at less cost than twice sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> low, Vector512<float> high, ushort* target) =>
        Avx512BW.PermuteVar32x16x2(Rounded(low).AsUInt16(), UpperHalves, Rounded(high).AsUInt16()).Store(target);

    /// <summary>Writes float32 numbers as bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Round(float* source, ushort* target, int count)
    {
        int i = 0;
        for (; i + (2 * Width) <= count; i += 2 * Width)
            Store(Vector512.Load(source + i), Vector512.Load(source + i + Width), target + i);
        for (; i < count; i++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(source[i]);
            target[i] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    /// <summary>The upper halves of thirty-two 32-bit numbers among their 16-bit halves.</summary>
    private static Vector512<ushort> UpperHalves => (Vector512<ushort>.Indices << 1) | Vector512<ushort>.One;

    /// <summary>Bits whose upper halves are the numbers in bfloat16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Rounded(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        return bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One);
    }

    /// <summary>Writes bfloat16 numbers as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* source, float* target, int count)
    {
        int i = 0;
        for (; i + Width <= count; i += Width)
            Load(source + i).Store(target + i);
        for (; i < count; i++)
            target[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>Adds numbers to others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* source, float* target, int count)
    {
        int i = 0;
        for (; i + Width <= count; i += Width)
            (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
        for (; i < count; i++)
            target[i] += source[i];
    }

    /// <summary>eˣ to within 2·10⁻⁷ of it; 0 below −87.</summary>
    /// <remarks>x = n·ln 2 + r, |r| ≤ ln 2 / 2; e^r by its Taylor polynomial of degree 6; 2ⁿ through the exponent's bits.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        x = Vector512.Min(Vector512.Max(x, Vector512.Create(-87.3f)), Vector512.Create(88f));
        var n = Avx512F.RoundScale(x * Vector512.Create(1.44269504f), 0);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);
        var p = Vector512.Create(1 / 720f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 120f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 24f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1 / 6f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        return Avx512F.Scale(p, n);
    }

    /// <summary>The natural logarithm of normal positive numbers, to within 2·10⁻⁷ of it or of 1.</summary>
    /// <remarks>x = 2ⁿ·m, ⅔ ≤ m &lt; 4/3; ln m = 2·artanh((m − 1) / (m + 1)) by its series to the ninth power.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        var exponent = (x.AsInt32() - Vector512.Create(0x3F2AAAAB)) >> 23; // the bits of ⅔
        var m = (x.AsInt32() - (exponent << 23)).AsSingle();
        var s = (m - Vector512<float>.One) / (m + Vector512<float>.One);
        var square = s * s;
        var p = Vector512.Create(2 / 9f);
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2 / 7f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2 / 5f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2 / 3f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(2f));
        return Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(exponent), Vector512.Create(0.69314718f), s * p);
    }

    /// <summary>
    /// GELU x·Φ(x) and its derivative Φ(x) + x·φ(x), which share one exponential. Φ by Abramowitz and Stegun's formula 7.1.26, to
    /// within 1.5·10⁻⁷.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Value, Vector512<float> Slope) Gelu(Vector512<float> x)
    {
        var z = Vector512.Abs(x) * Vector512.Create(0.70710678f);
        var e = Exp(-z * z);
        var t = Vector512<float>.One / Vector512.FusedMultiplyAdd(z, Vector512.Create(0.3275911f), Vector512<float>.One);
        var p = Vector512.Create(1.061405429f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-1.453152027f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(1.421413741f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.284496736f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.254829592f));
        var tail = Vector512.Create(0.5f) * p * t * e; // Φ(−|x|)
        var cumulative = Vector512.ConditionalSelect(
            Vector512.GreaterThanOrEqual(x, Vector512<float>.Zero),
            Vector512<float>.One - tail,
            tail
        );
        return (x * cumulative, Vector512.FusedMultiplyAdd(x * Vector512.Create(0.39894228f), e, cumulative));
    }
}
