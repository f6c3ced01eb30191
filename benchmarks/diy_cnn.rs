// The peer of P3: the diy-cnn system's training, sample by sample, as one writes it by hand in Rust.
// One convolution 8 x 3 x 3, sigmoid, 2 x 2 max-pooling, dense layer of 10, sigmoid, half squared error, SGD.
// Build: rustc -O diy_cnn.rs. Reads a number of samples a line, answers with the seconds that they took.
use std::io::BufRead;
use std::time::Instant;

const KERNELS: usize = 8;
const IN: usize = 28;
const OUT: usize = 26;
const POOLED: usize = 13;
const FLAT: usize = KERNELS * POOLED * POOLED;
const RATE: f32 = 0.01;

fn sigmoid(z: f32) -> f32 {
    1.0 / (1.0 + (-z).exp())
}

struct Net {
    kernels: Vec<[f32; 9]>,
    kernel_bias: [f32; KERNELS],
    weight: Vec<f32>, // (10, FLAT)
    bias: [f32; 10],
}

struct Scratch {
    maps: Vec<f32>,     // (KERNELS, OUT, OUT) after the sigmoid
    pooled: Vec<f32>,   // (FLAT)
    places: Vec<usize>, // where in maps each maximum stands
    dpooled: Vec<f32>,
}

impl Net {
    fn step(&mut self, x: &[f32], label: usize, s: &mut Scratch) {
        for k in 0..KERNELS {
            let w = &self.kernels[k];
            for p in 0..OUT {
                for q in 0..OUT {
                    let mut z = self.kernel_bias[k];
                    for a in 0..3 {
                        for b in 0..3 {
                            z += w[a * 3 + b] * x[(p + a) * IN + q + b];
                        }
                    }
                    s.maps[(k * OUT + p) * OUT + q] = sigmoid(z);
                }
            }
            for p in 0..POOLED {
                for q in 0..POOLED {
                    let first = (k * OUT + 2 * p) * OUT + 2 * q;
                    let mut best = first;
                    for place in [first + 1, first + OUT, first + OUT + 1] {
                        if s.maps[place] > s.maps[best] {
                            best = place;
                        }
                    }
                    let i = (k * POOLED + p) * POOLED + q;
                    s.pooled[i] = s.maps[best];
                    s.places[i] = best;
                }
            }
        }
        s.dpooled.iter_mut().for_each(|d| *d = 0.0);
        for o in 0..10 {
            let row = &mut self.weight[o * FLAT..(o + 1) * FLAT];
            let z: f32 = row.iter().zip(&s.pooled).map(|(w, v)| w * v).sum::<f32>() + self.bias[o];
            let y = sigmoid(z);
            let dz = (y - if o == label { 1.0 } else { 0.0 }) * y * (1.0 - y);
            for i in 0..FLAT {
                s.dpooled[i] += dz * row[i];
                row[i] -= RATE * dz * s.pooled[i];
            }
            self.bias[o] -= RATE * dz;
        }
        for k in 0..KERNELS {
            let (mut dw, mut dbias) = ([0.0f32; 9], 0.0f32);
            for i in k * POOLED * POOLED..(k + 1) * POOLED * POOLED {
                let y = s.pooled[i];
                let dz = s.dpooled[i] * y * (1.0 - y);
                let place = s.places[i] - k * OUT * OUT;
                let (p, q) = (place / OUT, place % OUT);
                for a in 0..3 {
                    for b in 0..3 {
                        dw[a * 3 + b] += dz * x[(p + a) * IN + q + b];
                    }
                }
                dbias += dz;
            }
            for j in 0..9 {
                self.kernels[k][j] -= RATE * dw[j];
            }
            self.kernel_bias[k] -= RATE * dbias;
        }
    }
}

fn main() {
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 40) as f32 / (1u64 << 24) as f32
    };
    let images: Vec<f32> = (0..512 * IN * IN).map(|_| random()).collect();
    let mut net = Net {
        kernels: (0..KERNELS).map(|_| std::array::from_fn(|_| random() - 0.5)).collect(),
        kernel_bias: [0.0; KERNELS],
        weight: (0..10 * FLAT).map(|_| (random() - 0.5) * 0.1).collect(),
        bias: [0.0; 10],
    };
    let mut s = Scratch {
        maps: vec![0.0; KERNELS * OUT * OUT],
        pooled: vec![0.0; FLAT],
        places: vec![0; FLAT],
        dpooled: vec![0.0; FLAT],
    };
    for line in std::io::stdin().lock().lines() {
        let samples: usize = line.unwrap().trim().parse().unwrap();
        let started = Instant::now();
        for n in 0..samples {
            let i = n % 512;
            net.step(&images[i * IN * IN..(i + 1) * IN * IN], n % 10, &mut s);
        }
        println!("{}", started.elapsed().as_secs_f64());
    }
}
