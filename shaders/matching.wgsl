// A vector of each row and its products with the items of a memory: the part that `gate.wgsl` and `nearest.wgsl` share,
// before which this file is put.
//
// The items were scaled to a fixed length beforehand; a product divided by the vector's length is the cosine times that
// length.
//
// Layout as in `conv.wgsl`; the result is [picture][y][x]. `shared_rows.wgsl` is put before this file and gives
// the dispatch.

struct Matching {
    rows: u32,              // positions of all pictures
    channels: u32,          // quads of the vector
    vector_pixel: u32,
    vector_offset: u32,
    items: u32,
    products_pixel: u32,
    products_offset: u32,
}

@group(0) @binding(0) var<uniform> matching: Matching;
@group(0) @binding(1) var<storage, read> vector: array<real4>;
@group(0) @binding(2) var<storage, read> products: array<real4>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

// Rows beyond the last repeat the last one.
fn row_within(row: u32) -> u32 {
    return min(row, matching.rows - 1u);
}

// The product of a row with an item.
fn product(row: u32, item: u32) -> f32 {
    return f32(products[row_within(row) * matching.products_pixel + matching.products_offset + item / 4u][item % 4u]);
}

// One over the length of a row's vector, and the largest of its products; valid in all threads that share the row.
fn length_and_largest(row: u32, thread: u32) -> vec2f {
    let share = thread % SHARERS;
    let first = row_within(row) * matching.vector_pixel + matching.vector_offset;
    var square = 0.0;
    for (var c = share; c < matching.channels; c += SHARERS) {
        let v = vec4f(vector[first + c]);
        square += dot(v, v);
    }
    var largest = -3.4e38;
    for (var i = share; i < matching.items; i += SHARERS) {
        largest = max(largest, product(row, i));
    }
    partial[thread] = vec3f(square, largest, 0.0);
    workgroupBarrier();
    let mine = thread - share;
    square = 0.0;
    for (var i = 0u; i < SHARERS; i++) {
        square += partial[mine + i].x;
        largest = max(largest, partial[mine + i].y);
    }
    return vec2f(inverseSqrt(max(square, 1e-16)), largest);
}
