using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>
/// One layer of Llama: x += attention(norm(x)), then x += feedForward(norm(x)). Forward and backward work on a piece of the
/// residual stream and know of no other layer, so that a stage of a pipeline can be any run of them.
/// </summary>
internal sealed unsafe class DecoderLayer
{
    private readonly ModelConfig _config;
    private readonly float* _arena;
    private readonly long _inputNorm, _middleNorm;

    public DecoderLayer(Parameters parameters, int index)
    {
        _config = parameters.Config;
        _arena = parameters.Pointer;
        string name = $"model.layers.{index}.";
        _inputNorm = parameters[name + "input_layernorm.weight"].Offset;
        _middleNorm = parameters[name + "post_attention_layernorm.weight"].Offset;
        var shape = _config.Attention;
        Qkv = new Linear(parameters[name + "self_attn.q_proj.weight"].Offset, _config.Width, shape.FusedWidth, _config.AttentionBiases ? parameters[name + "self_attn.q_proj.bias"].Offset : -1);
        Out = new Linear(parameters[name + "self_attn.o_proj.weight"].Offset, shape.QueryWidth, _config.Width);
        GateUp = new Linear(parameters[name + "mlp.gate_proj.weight"].Offset, _config.Width, 2 * _config.FeedForward);
        Down = new Linear(parameters[name + "mlp.down_proj.weight"].Offset, _config.FeedForward, _config.Width);
    }

    public Linear Qkv { get; }

    public Linear Out { get; }

    public Linear GateUp { get; }

    public Linear Down { get; }

    /// <summary>From <c>a.Input</c> to <c>a.Output</c>, leaving in <paramref name="a"/> what backward needs.</summary>
    public void Forward(WorkPool pool, Rope rope, Segments segments, in LayerActivations a, Activations memory, KernelProfile profile)
    {
        Project(pool, rope, segments.Tokens, segments.Positions, a, memory, profile);
        long clock = profile.Start();
        Attention.Forward(pool, _config.Attention, segments, a.Qkv, a.Attention, a.LogSums);
        profile.Lap(ref clock, Stage.Attention);
        Finish(pool, segments.Tokens, a, memory, profile);
    }

    /// <summary>The part before attention: queries, keys and values of the normalised rows, turned by their positions.</summary>
    public void Project(WorkPool pool, Rope rope, int rows, int* positions, in LayerActivations a, Activations memory, KernelProfile profile)
    {
        long clock = profile.Start();
        RmsNorm.Forward(pool, rows, _config.Width, a.Input, _arena + _inputNorm, _config.RmsEpsilon, memory.Normed);
        profile.Lap(ref clock, Stage.Norm);
        Qkv.Forward(pool, _arena, rows, memory.Normed, a.Qkv);
        profile.Lap(ref clock, Stage.Linear);
        rope.Apply(pool, rows, _config.Heads + _config.KeyValueHeads, a.Qkv, Qkv.Outputs, positions, inverse: false);
        profile.Lap(ref clock, Stage.Rope);
    }

    /// <summary>The part after attention: its output's projection, then the feed-forward.</summary>
    public void Finish(WorkPool pool, int rows, in LayerActivations a, Activations memory, KernelProfile profile)
    {
        long clock = profile.Start();
        Out.Forward(pool, _arena, rows, a.Attention, a.Middle, residual: a.Input);
        profile.Lap(ref clock, Stage.Linear);
        RmsNorm.Forward(pool, rows, _config.Width, a.Middle, _arena + _middleNorm, _config.RmsEpsilon, memory.Normed);
        profile.Lap(ref clock, Stage.Norm);
        GateUp.Forward(pool, _arena, rows, memory.Normed, a.GateUp);
        profile.Lap(ref clock, Stage.Linear);
        SwiGlu.Forward(pool, rows, _config.FeedForward, a.GateUp, memory.Shared);
        profile.Lap(ref clock, Stage.SwiGlu);
        Down.Forward(pool, _arena, rows, memory.Shared, a.Output, residual: a.Middle);
        profile.Lap(ref clock, Stage.Linear);
    }

    /// <summary>Turns the gradient of the output, in <c>memory.Gradient</c>, into that of the input.</summary>
    public void Backward(WorkPool pool, Rope rope, Segments segments, in LayerActivations a, Activations memory, IGradientSink? sink, KernelProfile profile)
    {
        int rows = segments.Tokens;
        float* dx = memory.Gradient, inner = memory.Shared;
        long clock = profile.Start();
        Down.BackwardInput(pool, _arena, rows, dx, inner);
        profile.Lap(ref clock, Stage.LinearInput);
        SwiGlu.Backward(pool, rows, _config.FeedForward, a.GateUp, inner);
        profile.Lap(ref clock, Stage.SwiGlu);
        Down.BackwardWeights(pool, rows, inner, dx, sink);
        profile.Lap(ref clock, Stage.LinearWeights);
        GateUp.BackwardInput(pool, _arena, rows, a.GateUp, memory.Normed);
        profile.Lap(ref clock, Stage.LinearInput);
        BackwardNorm(pool, rows, a.Middle, _middleNorm, memory, sink);
        profile.Lap(ref clock, Stage.Norm);
        GateUp.BackwardWeights(pool, rows, memory.Normed, a.GateUp, sink);
        profile.Lap(ref clock, Stage.LinearWeights);

        if (memory.IsLean)
            Attention.Forward(pool, _config.Attention, segments, a.Qkv, a.Attention, a.LogSums);
        profile.Lap(ref clock, Stage.Attention);
        float* dattention = memory.Shared, dqkv = dattention + (long)rows * Out.Inputs;
        Out.BackwardInput(pool, _arena, rows, dx, dattention);
        profile.Lap(ref clock, Stage.LinearInput);
        Out.BackwardWeights(pool, rows, a.Attention, dx, sink);
        profile.Lap(ref clock, Stage.LinearWeights);
        AttentionBackward.Run(pool, _config.Attention, segments, a.Qkv, a.Attention, a.LogSums, dattention, dqkv);
        profile.Lap(ref clock, Stage.AttentionBackward);
        rope.Apply(pool, rows, _config.Heads + _config.KeyValueHeads, dqkv, Qkv.Outputs, segments.Positions, inverse: true);
        profile.Lap(ref clock, Stage.Rope);
        Qkv.BackwardInput(pool, _arena, rows, dqkv, memory.Normed);
        profile.Lap(ref clock, Stage.LinearInput);
        BackwardNorm(pool, rows, a.Input, _inputNorm, memory, sink);
        profile.Lap(ref clock, Stage.Norm);
        Qkv.BackwardWeights(pool, rows, memory.Normed, dqkv, sink);
        profile.Lap(ref clock, Stage.LinearWeights);
    }

    // memory.Normed: from the gradient of the normalised rows to these rows, which the weights' gradient needs next.
    private void BackwardNorm(WorkPool pool, int rows, float* x, long gain, Activations memory, IGradientSink? sink)
    {
        RmsNorm.Backward(pool, rows, _config.Width, x, _arena + gain, _config.RmsEpsilon, memory.Normed, memory.Gradient, memory.Partials);
        sink?.Gain(pool, gain, RmsNorm.PartialRows(rows), _config.Width, memory.Partials);
    }
}
