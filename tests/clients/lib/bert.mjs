// SPDX-License-Identifier: Apache-2.0
// A tiny encoder with random weights as a GGUF file, with or without a head that ranks: what
// `weft models synth` makes are decoders.

import fs from "node:fs";

const DIM = 32, LAYERS = 2, FF = 64, CONTEXT = 64, ALIGN = 32;
const U32 = 4, F32 = 6, BOOL = 7, STRING = 8, ARRAY = 9, I32 = 5;
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];
const TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    ...LETTERS.map((letter) => `\u2581${letter}`), ...LETTERS];

const u32 = (n) => Buffer.from(Uint32Array.of(n).buffer);
const u64 = (n) => Buffer.from(BigUint64Array.of(BigInt(n)).buffer);
const text = (s) => Buffer.concat([u64(Buffer.byteLength(s)), Buffer.from(s)]);
const floats = (values) => Buffer.from(Float32Array.from(values).buffer);

function valueOf(type, v) {
    if (type === STRING) return text(v);
    if (type === BOOL) return Buffer.of(v ? 1 : 0);
    if (type === F32) return floats([v]);
    return u32(v);
}

const pair = (key, type, v) => Buffer.concat([text(key), u32(type), valueOf(type, v)]);
const list = (key, type, items) => Buffer.concat([text(key), u32(ARRAY), u32(type),
    u64(items.length), ...items.map((item) => valueOf(type, item))]);

function metadata(ranks) {
    return [
        pair("general.architecture", STRING, "bert"),
        pair("general.name", STRING, ranks ? "tiny-rank" : "tiny-bert"),
        pair("bert.block_count", U32, LAYERS),
        pair("bert.context_length", U32, CONTEXT),
        pair("bert.embedding_length", U32, DIM),
        pair("bert.feed_forward_length", U32, FF),
        pair("bert.attention.head_count", U32, 4),
        pair("bert.attention.layer_norm_epsilon", F32, 1e-12),
        pair("bert.attention.causal", BOOL, false),
        pair("bert.pooling_type", U32, ranks ? 4 : 1),
        pair("tokenizer.ggml.model", STRING, "bert"),
        list("tokenizer.ggml.tokens", STRING, TOKENS),
        list("tokenizer.ggml.token_type", I32, TOKENS.map((_, i) => (i < 5 ? 3 : 1))),
        pair("tokenizer.ggml.padding_token_id", U32, 0),
        pair("tokenizer.ggml.unknown_token_id", U32, 1),
        pair("tokenizer.ggml.cls_token_id", U32, 2),
        pair("tokenizer.ggml.bos_token_id", U32, 2),
        pair("tokenizer.ggml.seperator_token_id", U32, 3),
        pair("tokenizer.ggml.eos_token_id", U32, 3),
        pair("tokenizer.ggml.mask_token_id", U32, 4),
    ];
}

function shapes(ranks) {
    const all = [["token_embd.weight", DIM, TOKENS.length], ["token_types.weight", DIM, 2],
        ["position_embd.weight", DIM, CONTEXT], ["token_embd_norm.weight", DIM],
        ["token_embd_norm.bias", DIM]];
    const linear = (name, from, to) => all.push([`${name}.weight`, from, to], [`${name}.bias`, to]);
    for (let i = 0; i < LAYERS; i++) {
        for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"]) {
            linear(`blk.${i}.${name}`, DIM, DIM);
        }
        linear(`blk.${i}.ffn_up`, DIM, FF);
        linear(`blk.${i}.ffn_down`, FF, DIM);
        for (const name of ["attn_output_norm", "layer_output_norm"]) {
            all.push([`blk.${i}.${name}.weight`, DIM], [`blk.${i}.${name}.bias`, DIM]);
        }
    }
    if (ranks) {
        linear("cls", DIM, DIM);
        linear("cls.output", DIM, 1);
    }
    return all;
}

export function writeBert(file, { ranks = false } = {}) {
    let state = 1;
    const random = () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32 - 0.5;
    };
    const pairs = metadata(ranks), tensors = shapes(ranks), infos = [], data = [];
    let offset = 0;
    for (const [name, ...dims] of tensors) {
        const n = dims.reduce((a, b) => a * b);
        const bytes = floats(Array.from({ length: n }, () =>
            random() + (/norm\.weight$/.test(name) ? 1 : 0)));
        infos.push(text(name), u32(dims.length), ...dims.map(u64), u32(0), u64(offset));
        data.push(bytes, Buffer.alloc(-bytes.length & (ALIGN - 1)));
        offset += bytes.length + (-bytes.length & (ALIGN - 1));
    }
    const head = Buffer.concat([Buffer.from("GGUF"), u32(3), u64(tensors.length),
        u64(pairs.length), ...pairs, ...infos]);
    const gap = Buffer.alloc(-head.length & (ALIGN - 1));
    fs.writeFileSync(file, Buffer.concat([head, gap, ...data]));
}
