"""A small model of random weights as Hugging Face has models, and what it computes: what an import is checked against.

    huggingface.py FOLDER llama|qwen2 F32|F16|BF16 FILES

writes config.json, the weights in FILES safetensors files (with an index where there are several), tokenizer.json and
tokenizer_config.json, each by the format's description alone, and expected.json: ids, the logits after each of them in
double (llama.py, from the weights as they are stored), and the likeliest tokens that follow.
"""
import array
import json
import os
import struct
import sys

import torch

from llama import Llama

VOCABULARY, WIDTH, LAYERS, HEADS, PAIRS, FEED_FORWARD, CONTEXT = 300, 64, 2, 4, 2, 112, 64
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def shapes(family):
    width, head = WIDTH, WIDTH // HEADS
    yield "model.embed_tokens.weight", [VOCABULARY, width]
    for i in range(LAYERS):
        name = f"model.layers.{i}."
        for part, rows in (("q", HEADS * head), ("k", PAIRS * head), ("v", PAIRS * head)):
            yield f"{name}self_attn.{part}_proj.weight", [rows, width]
            if family == "qwen2":
                yield f"{name}self_attn.{part}_proj.bias", [rows]
        yield name + "self_attn.o_proj.weight", [width, HEADS * head]
        yield name + "mlp.gate_proj.weight", [FEED_FORWARD, width]
        yield name + "mlp.up_proj.weight", [FEED_FORWARD, width]
        yield name + "mlp.down_proj.weight", [width, FEED_FORWARD]
        yield name + "input_layernorm.weight", [width]
        yield name + "post_attention_layernorm.weight", [width]
    yield "model.norm.weight", [width]
    if family == "llama":
        yield "lm_head.weight", [VOCABULARY, width]


def configuration(family, dtype):
    shared = {
        "vocab_size": VOCABULARY, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": PAIRS,
        "intermediate_size": FEED_FORWARD, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 256,
        "eos_token_id": 256, "initializer_range": 0.02, "use_cache": True,
    }
    dtype = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[dtype]
    if family == "llama":
        # As Transformers 5 writes it: the rotary embedding has an object of its own.
        return shared | {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False, "mlp_bias": False, "head_dim": WIDTH // HEADS,
            "pretraining_tp": 1, "tie_word_embeddings": False, "rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}, "dtype": dtype,
        }
    return shared | {
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": True, "rope_theta": 1000000.0, "rope_scaling": None,
        "sliding_window": 32, "max_window_layers": 28, "use_sliding_window": False, "torch_dtype": dtype, "transformers_version": "4.43.1",
    }


def write_safetensors(path, tensors, dtype):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        stored = array.array(*("i", values.view(torch.int32).flatten().tolist()) if dtype == "F32" else ("h", values.view(torch.int16).flatten().tolist())).tobytes()
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(stored)]}
        data += stored
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def write_tokenizer(folder):
    """GPT-2's stand-ins for bytes: those that can be printed for themselves, the others from U+0100 on; two merges."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    letters = [chr(b) if b in printed else chr(next(others)) for b in range(256)]
    vocabulary = {letter: b for b, letter in enumerate(letters)} | {"th": 257, "the": 258}
    end = {"id": 256, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
             "ignore_merges": False, "vocab": vocabulary, "merges": [["t", "h"], ["th", "e"]]}
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [end], "normalizer": None, "pre_tokenizer": byte_level,
                   "post_processor": byte_level, "decoder": byte_level, "model": model}, f, ensure_ascii=False)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as f:
        json.dump({"bos_token": "<|endoftext|>", "eos_token": {"content": "<|endoftext|>", "special": True}, "model_max_length": CONTEXT, "tokenizer_class": "PreTrainedTokenizerFast"}, f)


def main(folder, family, dtype, files):
    torch.manual_seed(7)
    os.makedirs(folder, exist_ok=True)
    weights = {}
    for name, shape in shapes(family):
        values = 1 + 0.3 * torch.randn(shape) if "norm" in name else torch.randn(shape) * (0.3 if "bias" in name else 1.4 / shape[-1] ** 0.5)
        weights[name] = values.to(TYPES[dtype])
    config = configuration(family, dtype)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=2)
    names = list(weights)
    parts = [names[i::files] for i in range(files)]
    paths = ["model.safetensors"] if files == 1 else [f"model-{i + 1:05}-of-{files:05}.safetensors" for i in range(files)]
    for part, path in zip(parts, paths):
        write_safetensors(os.path.join(folder, path), {n: weights[n] for n in part}, dtype)
    if files > 1:
        with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as f:
            json.dump({"metadata": {"total_size": sum(w.numel() * w.element_size() for w in weights.values())}, "weight_map": {n: p for part, p in zip(parts, paths) for n in part}}, f)
    write_tokenizer(folder)

    theta = config["rope_theta"] if family == "qwen2" else config["rope_parameters"]["rope_theta"]
    model = Llama({"vocabulary": VOCABULARY, "width": WIDTH, "layers": LAYERS, "heads": HEADS, "key_value_heads": PAIRS, "head_width": WIDTH // HEADS, "rope_theta": theta, "rms_epsilon": 1e-5},
                  {n: w.double() for n, w in weights.items()})
    ids = [258, *b" tide waits for no one; nor do we"]
    with torch.no_grad():
        logits = model.logits(torch.tensor(ids), len(ids), None)
        written = list(ids)
        for _ in range(8):
            written.append(int(model.logits(torch.tensor(written), len(written), None)[-1].argmax()))
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as f:
        json.dump({"text": "the tide waits for no one; nor do we", "ids": ids, "logits": logits.tolist(), "written": written[len(ids):]}, f)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
