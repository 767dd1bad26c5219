using System.Runtime.InteropServices;

namespace Electra.Tokenization;

/// <summary>
/// The pieces of a vocabulary as two prefix trees, one of pieces that begin a word and one of those that continue it: the longest
/// piece is found in one walk along the word, at one look-up a character.
/// </summary>
/// <remarks>
/// A double array (Aoe 1989): a node is a cell, and its child along a character is the cell at the node's base plus the character's
/// code, if that cell names the node as its parent. Twelve bytes a node keep what words need most in the processor's cache, so that
/// no thread has to remember the words it has seen.
/// </remarks>
internal sealed class PieceTrie
{
    private const int WordStart = 0;
    private const int WordRest = 1;
    private const int None = -1;
    private const int NoParent = -2;

    private readonly ushort[] codes;
    private readonly Cell[] cells;

    public PieceTrie(Vocabulary vocabulary)
    {
        codes = Codes(vocabulary);
        cells = Layout(Tree(vocabulary), codes);
    }

    /// <summary>Appends the pieces of a word, the longest first, from the left; nothing, and false, where a part has no piece.</summary>
    public bool TryAppend(ReadOnlySpan<char> word, List<int> ids)
    {
        int before = ids.Count;
        for (int start = 0, length; start < word.Length; start += length)
        {
            int id = FindLongest(word[start..], continues: start > 0, out length);
            if (id < 0)
            {
                CollectionsMarshal.SetCount(ids, before);
                return false;
            }
            ids.Add(id);
        }
        return true;
    }

    /// <summary>
    /// The id of the longest piece that <paramref name="text"/> begins with, and its length; −1 and 0 where there is none.
    /// </summary>
    /// <param name="text">What is left of a word.</param>
    /// <param name="continues">Whether that is not the whole word.</param>
    /// <param name="length">The piece's length, without <c>##</c>.</param>
    private int FindLongest(ReadOnlySpan<char> text, bool continues, out int length)
    {
        int node = continues ? WordRest : WordStart;
        int longest = None;
        length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            int child = cells[node].Base + codes[text[i]];
            if (cells[child].Parent != node)
                break;
            node = child;
            if (cells[node].Piece is var piece and not None)
                (longest, length) = (piece, i + 1);
        }
        return longest;
    }

    /// <summary>
    /// A small number for each character of the vocabulary, the smaller the more frequent; 0 for all others, and for no child.
    /// </summary>
    private static ushort[] Codes(Vocabulary vocabulary)
    {
        var codes = new ushort[char.MaxValue + 1];
        ushort code = 0;
        foreach (
            var (character, _) in vocabulary
                .Tokens.Take(vocabulary.PieceCount)
                .SelectMany(token => token)
                .CountBy(c => c)
                .OrderByDescending(count => count.Value)
                .ThenBy(count => count.Key)
        )
            codes[character] = ++code;
        return codes;
    }

    /// <summary>The two roots, and below them a node for each beginning of a piece.</summary>
    private static List<Node> Tree(Vocabulary vocabulary)
    {
        var nodes = new List<Node> { new(), new() };
        for (int id = 0; id < vocabulary.PieceCount; id++)
        {
            var token = vocabulary[id];
            Add(token, WordStart, id);
            if (token.StartsWith(Vocabulary.Continuation, StringComparison.Ordinal) && token != Vocabulary.Continuation)
                Add(token.AsSpan(Vocabulary.Continuation.Length), WordRest, id);
        }
        return nodes;

        void Add(ReadOnlySpan<char> piece, int root, int id)
        {
            int node = root;
            foreach (char label in piece)
            {
                if (!nodes[node].Children.TryGetValue(label, out int child))
                {
                    nodes[node].Children.Add(label, child = nodes.Count);
                    nodes.Add(new Node());
                }
                node = child;
            }
            nodes[node].Piece = id;
        }
    }

    /// <summary>Gives every node the first cells in which all of its children find room, the nodes near the roots first.</summary>
    private static Cell[] Layout(List<Node> nodes, ushort[] codes)
    {
        int highestCode = codes.Max();
        var cells = new Cell[2 * nodes.Count + highestCode + 1];
        Array.Fill(cells, new Cell(None, 0, None));
        (cells[WordStart], cells[WordRest]) = (new Cell(NoParent, 0, None), new Cell(NoParent, 0, None));

        int firstFree = WordRest + 1, end = firstFree;
        var placed = new Queue<(int Node, int Cell)>([(WordStart, WordStart), (WordRest, WordRest)]);
        while (placed.TryDequeue(out var parent))
        {
            var children = nodes[parent.Node]
                .Children.Select(child => (Code: (int)codes[child.Key], Node: child.Value))
                .OrderBy(child => child.Code)
                .ToArray();
            if (children.Length == 0)
                continue;
            while (cells[firstFree].IsTaken)
                firstFree++;
            int start = Math.Max(firstFree - children[0].Code, 0);
            while (Array.Exists(children, child => cells[start + child.Code].IsTaken))
                start++;

            cells[parent.Cell] = cells[parent.Cell] with { Base = start };
            foreach (var (code, node) in children)
            {
                cells[start + code] = new Cell(parent.Cell, 0, nodes[node].Piece);
                placed.Enqueue((node, start + code));
            }
            end = Math.Max(end, start + children[^1].Code + 1);
            if (end + highestCode >= cells.Length)
            {
                int length = cells.Length;
                Array.Resize(ref cells, 2 * length);
                cells.AsSpan(length).Fill(new Cell(None, 0, None));
            }
        }
        return cells[..(end + highestCode)];
    }

    /// <summary>A node's place in the double array; without children its base is 0, where no cell has it for a parent.</summary>
    private readonly record struct Cell(int Parent, int Base, int Piece)
    {
        public bool IsTaken => Parent != None;
    }

    private sealed class Node
    {
        public Dictionary<char, int> Children { get; } = [];

        public int Piece { get; set; } = None;
    }
}
