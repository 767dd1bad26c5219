namespace Electra.Tests.Storage;

/// <summary>Files as disks, networks and people damage them: cut off, bits flipped, parts overwritten, lost, doubled or moved.</summary>
internal static class Mutations
{
    private static readonly byte[][] Scraps =
    [
        "\0"u8.ToArray(),
        "\n"u8.ToArray(),
        "\""u8.ToArray(),
        "}"u8.ToArray(),
        "[["u8.ToArray(),
        "-1"u8.ToArray(),
        "1e999"u8.ToArray(),
        "null"u8.ToArray(),
        "\ud83d\ude00"u8.ToArray(),
        [0xFF, 0xFE],
        [0xED, 0xA0, 0x80],
        [0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    ];

    /// <summary>Damages a file in a number of ways, and reads it each time: it may be refused in words, or be read.</summary>
    /// <param name="file">The file; it is put back in the end.</param>
    /// <param name="count">How many ways.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="isRight">Whether what was read is what the file held, where a checksum promises that; null where none does.</param>
    /// <returns>How many were refused.</returns>
    public static int Try<T>(string file, int count, Func<T> read, Func<T, bool>? isRight = null)
    {
        const double LongestSeconds = 60;
        var whole = File.ReadAllBytes(file);
        Assert.True(isRight?.Invoke(read()) ?? true, "the whole file is read rightly");
        int refused = 0;
        for (int i = 0; i < count; i++)
        {
            var damaged = Damaged(whole, new Random(i));
            File.WriteAllBytes(file, damaged);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            try
            {
                var content = read();
                Assert.True(
                    isRight?.Invoke(content) ?? true,
                    $"{Path.GetFileName(file)}, damage {i}: it is read, and gives something else"
                );
            }
            catch (UserErrorException e)
            {
                Assert.NotEmpty(e.Message);
                refused++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.IAssertionException)
            {
                Assert.Fail($"{Path.GetFileName(file)}, damage {i}: {e}");
            }
            Assert.True(
                clock.Elapsed.TotalSeconds < LongestSeconds,
                $"{Path.GetFileName(file)}, damage {i}: {clock.Elapsed.TotalSeconds:F1} s"
            );
        }
        File.WriteAllBytes(file, whole);
        return refused;
    }

    private static byte[] Damaged(byte[] whole, Random random)
    {
        var bytes = whole.ToList();
        int Place() => random.Next(Math.Max(1, bytes.Count));
        int Length(int from, int most) => Math.Min(random.Next(1, most + 1), bytes.Count - from);
        for (int times = random.Next(4) == 0 ? random.Next(2, 5) : 1; times > 0 && bytes.Count > 0; times--)
        {
            int at = Place();
            switch (random.Next(9))
            {
                case 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1 or 2 or 3:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 4:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 5:
                    for (int end = at + Length(at, 64), value = random.Next(3); at < end; at++)
                        bytes[at] = value switch { 0 => 0, 1 => 0xFF, _ => (byte)random.Next(256) };
                    break;
                case 6:
                    bytes.RemoveRange(at, Length(at, 64));
                    break;
                case 7:
                    bytes.InsertRange(Place(), bytes.GetRange(at, Length(at, 64)));
                    break;
                default:
                    bytes.InsertRange(at, Scraps[random.Next(Scraps.Length)]);
                    break;
            }
        }
        return [.. bytes];
    }
}
