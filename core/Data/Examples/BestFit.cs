namespace Electra.Data.Examples;

/// <summary>
/// Puts sequences of some lengths into rows of one length, as ModernBERT's <c>GreedyBestFitSequencePacker</c> does: one after the other
/// from a buffer, each into the row with the least room that still holds it. What no row holds is set aside, and comes first, in
/// reversed order, when the next rows are filled. ModernBERT drops the last rows where one of them is empty; here nothing is lost.
/// </summary>
/// <param name="Rows">Rows that are filled at a time.</param>
/// <param name="RowLength">Tokens that a row has room for.</param>
/// <param name="Buffer">Sequences that wait or are set aside, at most.</param>
/// <param name="Refill">Sequences that an empty buffer gets at a time, as often as there is room for them.</param>
internal sealed record BestFit(int Rows, int RowLength, int Buffer, int Refill)
{
    /// <summary>Packs sequences.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="lengthOf">The length of each; none is longer than a row.</param>
    /// <returns>The rows that are filled at a time, each with its sequences in order; only at the end there may be fewer.</returns>
    public IEnumerable<IReadOnlyList<IReadOnlyList<long>>> Pack(long count, Func<long, int> lengthOf)
    {
        long next = 0;
        var waiting = new Queue<(long Sequence, int Length)>(Buffer);
        var setAside = new Stack<(long Sequence, int Length)>(Buffer);
        while (next < count || waiting.Count > 0)
        {
            var (rows, room) = (new List<long>[Rows], new int[Rows]);
            for (int row = 0; row < Rows; row++)
                (rows[row], room[row]) = ([], RowLength);
            int tooLong = int.MaxValue; // for every row: room only shrinks
            while (HasWaiting())
            {
                var (sequence, length) = waiting.Dequeue();
                int best = length < tooLong ? BestRow(room, length) : -1;
                if (best < 0)
                {
                    setAside.Push((sequence, length));
                    tooLong = Math.Min(tooLong, length);
                    continue;
                }
                rows[best].Add(sequence);
                room[best] -= length;
            }
            while (setAside.TryPop(out var first))
                waiting.Enqueue(first);
            yield return [.. rows.Where(row => row.Count > 0)];
        }

        bool HasWaiting()
        {
            if (waiting.Count > 0)
                return true;
            int most = Buffer - setAside.Count;
            while (Buffer - waiting.Count > Refill && waiting.Count + Refill <= most && next < count)
                for (int i = 0; i < Refill && next < count; i++, next++)
                    waiting.Enqueue((next, lengthOf(next)));
            return waiting.Count > 0;
        }
    }

    /// <summary>The row with the least room of those that hold so many tokens, the first of several; −1: there is none.</summary>
    private static int BestRow(ReadOnlySpan<int> room, int length)
    {
        int best = -1;
        for (int row = 0; row < room.Length; row++)
            if (room[row] >= length && (best < 0 || room[row] < room[best]))
                best = row;
        return best;
    }
}
