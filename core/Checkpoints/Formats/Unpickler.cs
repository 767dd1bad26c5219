using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Electra.Checkpoints.Formats;

/// <summary>
/// Reads Python's pickle format, and of it only what files of tensors need: plain values, lists, tuples, dictionaries, and the few
/// names of <see cref="PickleAllowList"/>. Nothing is imported or run, whatever a file says.
/// </summary>
/// <remarks>
/// A pickle is a program for a machine with a stack (Python's <c>pickletools</c> describes it). Each instruction makes at most one
/// object whose size the file has room for, so that the number of instructions limits time and memory; nesting costs neither, for
/// nothing here is recursive.
/// </remarks>
internal sealed class Unpickler(ReadOnlyMemory<byte> pickle)
{
    private const int MostInstructions = 1_000_000; // ELECTRA-Large with its optimizer has some 50,000
    private static readonly object Mark = new();
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private readonly Dictionary<string, PickledStorage> storages = new(StringComparer.Ordinal);
    private int next;

    /// <summary>Bytes read: where the next pickle starts, if several follow one another.</summary>
    public int Consumed => next;

    /// <summary>The storages that the pickle names, by their keys.</summary>
    public IReadOnlyDictionary<string, PickledStorage> Storages => storages;

    /// <summary>Runs the program to its end and gives what it made.</summary>
    /// <returns>
    /// null, bool, long, <see cref="BigInteger"/>, double, string, byte[], object?[] for a tuple, a list, a dictionary, or one of the
    /// records of the allow-list.
    /// </returns>
    /// <exception cref="InvalidDataException">The pickle is damaged, or holds what is not allowed; the message says what.</exception>
    public object? Read()
    {
        for (int count = 0; count < MostInstructions; count++)
        {
            int at = next;
            byte instruction = Byte();
            if (instruction == (byte)'.')
                return stack.Count == 1 ? Pop() : throw new InvalidDataException($"the pickle ends with {stack.Count} values");
            if (!Plain(instruction) && !Collection(instruction) && !Reference(instruction))
                throw new InvalidDataException(
                    $"the pickle has the instruction 0x{instruction:x2} at byte {at}, which no file of tensors needs"
                );
        }
        throw new InvalidDataException($"the pickle has more than {MostInstructions:N0} instructions");
    }

    /// <summary>Instructions that push a value of their own.</summary>
    private bool Plain(byte instruction)
    {
        switch (instruction)
        {
            case (byte)'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case (byte)'K': Push((long)Byte()); return true;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); return true;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); return true;
            case 0x8a: Push(Integer(Bytes(Byte()))); return true;
            case (byte)'I': Push(Line() switch { "00" => false, "01" => true, var digits => Parsed(digits) }); return true;
            case (byte)'L': Push(Parsed(Line().TrimEnd('L'))); return true;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); return true;
            case 0x8c: Push(Text(Bytes(Byte()))); return true;
            case (byte)'X': Push(Text(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))))); return true;
            case 0x8d: Push(Text(Bytes(BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8))))); return true;
            case (byte)'U': Push(Encoding.Latin1.GetString(Bytes(Byte()))); return true; // Python 2's strings
            case (byte)'T': Push(Encoding.Latin1.GetString(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))))); return true;
            case (byte)'C': Push(Bytes(Byte()).ToArray()); return true;
            case (byte)'B': Push(Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))).ToArray()); return true;
            case 0x80: Require(Byte() <= 5, "a protocol after 5"); return true;
            case 0x95: Bytes(8); return true; // a frame's length: everything is in memory already
            default: return false;
        }
    }

    /// <summary>Tuples, lists and dictionaries.</summary>
    private bool Collection(byte instruction)
    {
        switch (instruction)
        {
            case (byte)'(': Push(Mark); return true;
            case (byte)')': Push(Array.Empty<object?>()); return true;
            case (byte)'t': Push(PopToMark()); return true;
            case 0x85: Push(PopMany(1)); return true;
            case 0x86: Push(PopMany(2)); return true;
            case 0x87: Push(PopMany(3)); return true;
            case (byte)']': Push(new List<object?>()); return true;
            case (byte)'l': Push(PopToMark().ToList()); return true;
            case (byte)'a': Append(PopMany(1)); return true;
            case (byte)'e': Append(PopToMark()); return true;
            case (byte)'}': Push(new Dictionary<object, object?>()); return true;
            case (byte)'d':
                var pairs = PopToMark();
                Push(new Dictionary<object, object?>());
                SetItems(pairs);
                return true;
            case (byte)'s': SetItems(PopMany(2)); return true;
            case (byte)'u': SetItems(PopToMark()); return true;
            case (byte)'0': Pop(); return true;
            default: return false;
        }
    }

    /// <summary>The memo, names, storages and calls.</summary>
    private bool Reference(byte instruction)
    {
        switch (instruction)
        {
            case (byte)'q': memo[Byte()] = Peek(); return true;
            case (byte)'r': memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek(); return true;
            case 0x94: memo[memo.Count] = Peek(); return true;
            case (byte)'h': Push(Remembered(Byte())); return true;
            case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); return true;
            case (byte)'c': Push(Global(Line(), Line())); return true;
            case 0x93:
                var (name, module) = (Pop() as string, Pop() as string);
                Push(Global(module ?? "", name ?? ""));
                return true;
            case (byte)'Q':
                var storage = PickleAllowList.Storage(Pop());
                Require(
                    storages.TryAdd(storage.Key, storage) || storages[storage.Key] == storage,
                    $"the storage {storage.Key} with two sizes or types"
                );
                Push(storage);
                return true;
            case (byte)'R' or 0x81: // a call; a new object of a class
                var arguments = Pop() as object?[] ?? throw new InvalidDataException("a call without arguments");
                var function = Pop() as PickledGlobal ?? throw new InvalidDataException("a call of what is not a name");
                Push(PickleAllowList.Call(function, arguments));
                return true;
            case (byte)'b': // an object's attributes, which nothing here needs
                Pop();
                Require(Peek() is Dictionary<object, object?> or PickledObject, "attributes of what has none");
                return true;
            default: return false;
        }
    }

    private static PickledGlobal Global(string module, string name)
    {
        var global = new PickledGlobal(module, name);
        return PickleAllowList.Knows(global)
            ? global
            : throw new InvalidDataException(
                $"the pickle asks for {global}, which is not among the names that a file of tensors needs. Nothing of it was run"
            );
    }

    private void Append(object?[] items)
    {
        if (Peek() is List<object?> list)
            list.AddRange(items);
        else
            Require(Peek() is PickledObject, "items for what is not a list");
    }

    private void SetItems(object?[] pairs)
    {
        Require(pairs.Length % 2 == 0, "a key without a value");
        if (Peek() is PickledObject)
            return;
        var dictionary =
            Peek() as Dictionary<object, object?> ?? throw new InvalidDataException("the pickle sets items of what is not a dictionary");
        for (int i = 0; i < pairs.Length; i += 2)
        {
            Require(pairs[i] is string or long or bool or double, "a key that is not a name or a number");
            Require(dictionary.TryAdd(pairs[i]!, pairs[i + 1]), $"the key {pairs[i]} twice");
        }
    }

    private object? Remembered(long index) =>
        memo.TryGetValue(index, out var value) ? value : throw new InvalidDataException($"the pickle has no value {index} to go back to");

    private void Push(object? value) => stack.Add(value);

    private object? Peek() =>
        stack.Count > 0 && !ReferenceEquals(stack[^1], Mark)
            ? stack[^1]
            : throw new InvalidDataException("the pickle wants a value that is not there");

    private object? Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (int i = count - 1; i >= 0; i--)
            values[i] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        int mark = stack.FindLastIndex(value => ReferenceEquals(value, Mark));
        Require(mark >= 0, "the end of a list without its start");
        var values = stack[(mark + 1)..].ToArray();
        stack.RemoveRange(mark, stack.Count - mark);
        return values;
    }

    private byte Byte() => Bytes(1)[0];

    private ReadOnlySpan<byte> Bytes(ulong count)
    {
        if (count > (ulong)(pickle.Length - next))
            throw new InvalidDataException($"the pickle ends at byte {pickle.Length:N0}, in the middle of a value");
        var bytes = pickle.Span.Slice(next, (int)count);
        next += (int)count;
        return bytes;
    }

    private string Line()
    {
        int length = pickle.Span[next..].IndexOf((byte)'\n');
        Require(length is >= 0 and < 1000, "a name without an end");
        var text = Text(Bytes((uint)length));
        next++;
        return text;
    }

    private static string Text(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Utf8.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException("a text in the pickle is not UTF-8");
        }
    }

    private static object Parsed(string digits) =>
        long.TryParse(digits, System.Globalization.CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new InvalidDataException("the pickle has a number that is not valid");

    private static object Integer(ReadOnlySpan<byte> littleEndian) =>
        littleEndian.Length <= 8 ? (object)(long)new BigInteger(littleEndian) : new BigInteger(littleEndian);

    private static void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw new InvalidDataException($"the pickle has {otherwise}");
    }
}
