using Electra.Checkpoints.HuggingFace;
using Electra.Model;
using Electra.Pretraining;
using Electra.Tensors;
using Electra.Tokenization;
using static TorchSharp.torch;

namespace Electra.Tests.Pretraining;

/// <summary>A saved pair whose generator is a quarter as wide, opened in one line and asked.</summary>
public sealed class TrainedModelTests : IDisposable
{
    private const string Text = "t10 T20 t30 t40";
    private static readonly long[] Ids = [2, 15, 1, 35, 45, 3]; // [CLS] t10 [UNK] t30 t40 [SEP]: the tokens are cased

    private readonly TemporaryFolder folder = TestData.Temporary();
    private readonly ElectraTokenizer tokenizer = TinyPair.Tokenizer(lowercase: false);
    private readonly ElectraPair pair = TinyPair.Load(dropout: 0.1);

    public TrainedModelTests() => HuggingFaceFolder.SavePair(folder.File("pair"), pair, tokenizer);

    public void Dispose()
    {
        pair.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Each_token_has_the_discriminators_probability_and_its_place_in_the_text()
    {
        using var model = Open("pair");
        var expected = With(Ids, (ids, types, attention) => pair.Discriminate(ids, types, attention, Dropout.None).sigmoid());
        var detected = model.Detect(Text);
        Assert.Equal(["t10", "[UNK]", "t30", "t40"], detected.Select(token => token.Token));
        Assert.Equal(["t10", "T20", "t30", "t40"], detected.Select(token => Text[token.Place]));
        Assert.All(detected.Zip(expected[1..]), both => Assert.Equal(both.Second, both.First.Probability, 1e-6));
        Assert.Equal(detected.Where(token => token.Probability > 0.4), model.Suspects(Text, threshold: 0.4));
    }

    [Fact]
    public void Masks_are_filled_by_the_generator_in_its_own_width()
    {
        using var model = Open("pair");
        var filled = model.FillAll("t10 [MASK] t30 [MASK]", best: 3);
        var expected = With(
            [2, 15, 4, 35, 4, 3],
            (ids, types, attention) => pair.Generate(ids, types, attention, tensor(new long[] { 2, 4 }), Dropout.None).softmax(1)
        );
        Assert.Equal(2, filled.Count);
        foreach (var (row, best) in filled.Index())
        {
            var of = expected[(row * 200)..((row + 1) * 200)];
            Assert.Equal(
                of.OrderDescending().Take(3).Select(p => (double)p),
                best.Select(token => token.Probability),
                (a, b) => Math.Abs(a - b) < 1e-6
            );
            Assert.All(
                best,
                token => Assert.Equal(of[Array.IndexOf([.. tokenizer.Vocabulary.Tokens], token.Token)], token.Probability, 1e-6)
            );
        }
        Assert.Equal(
            filled[0].Select(token => token.Token),
            model.FillAll("t10 [MASK] t30 [MASK]", best: 3)[0].Select(token => token.Token)
        );
        Assert.Equal(5, model.Fill("t1 [MASK]").Count);
    }

    [Fact]
    public void A_text_is_most_like_itself()
    {
        using var model = Open("pair");
        Assert.Equal(32, model.Embed(Text).Length);
        Assert.Equal(1, model.Similarity(Text, Text), 1e-9);
        Assert.InRange(model.Similarity("t1 t2 t3", "t150 t160"), -1, 0.999);
    }

    [Fact]
    public void One_of_the_two_alone_is_asked_what_it_can_answer()
    {
        using (var discriminator = Open("pair/discriminator"))
        {
            Assert.NotEmpty(discriminator.Detect(Text));
            Refused("has no generator", () => discriminator.Fill("t1 [MASK]"));
        }
        using (var generator = Open("pair/generator"))
        {
            Assert.NotEmpty(generator.Fill("t1 [MASK]"));
            Refused("has no discriminator", () => generator.Suspects(Text));
        }
        using var both = TrainedModel.Open(folder.File("pair/discriminator"), folder.File("pair/generator"), Compute.Reference);
        Assert.True(both.HasDiscriminator && both.HasGenerator);
    }

    [Fact]
    public void What_cannot_be_answered_is_said()
    {
        using var model = Open("pair");
        Refused("has 63 tokens", () => model.Detect(string.Join(' ', Enumerable.Repeat("t1", 63))));
        Refused("has no [MASK]", () => model.Fill(Text));
        Refused("more than one [MASK]", () => model.Fill("[MASK] [MASK]"));
        Refused("without tokens", () => model.Embed(" "));
        Refused("is not a generator", () => TrainedModel.Open(folder.File("pair"), folder.File("pair/discriminator"), Compute.Reference));
        HuggingFaceFolder.SavePair(
            folder.File("other"),
            pair,
            TinyPair.Tokenizer(prefix: "u")
        );
        Refused("different vocabularies", () => TrainedModel.Open(folder.File("pair"), folder.File("other"), Compute.Reference));
    }

    private TrainedModel Open(string name) => TrainedModel.Open(folder.File(name), compute: Compute.Reference);

    private static void Refused(string message, Func<object> ask) =>
        Assert.Contains(message, Assert.Throws<UserErrorException>(ask).Message);

    private static float[] With(long[] ids, Func<Tensor, Tensor, AttentionMask, Tensor> compute)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var row = tensor(ids).view(1, -1);
        return
        [
            .. compute(row, zeros_like(row), AttentionMask.FromLengths([ids.Length], ids.Length, Compute.Reference))
                .contiguous()
                .data<float>(),
        ];
    }
}
