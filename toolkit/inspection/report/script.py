"""The script of the page: sorting, searching, and decoding the values of a tensor on demand.

It reads only the data blocks of this page; text enters the page only through textContent.
"""

SCRIPT = """
'use strict';
const body = document.querySelector('#tensors tbody');
const pairs = [...body.querySelectorAll('tr.t')].map(row => ({row, detail: row.nextElementSibling}));

function shownKey(pair, column, numeric) {
  const cell = pair.row.cells[column];
  if (!numeric) return cell.dataset.s ?? cell.textContent;
  return cell.dataset.s === '' ? NaN : Number(cell.dataset.s);
}
document.querySelectorAll('#tensors th button').forEach(button => button.addEventListener('click', () => {
  const head = button.parentElement, column = head.cellIndex, numeric = head.classList.contains('num');
  const up = head.getAttribute('aria-sort') !== 'ascending';
  document.querySelectorAll('#tensors th').forEach(other => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const keyed = pairs.map(pair => ({pair, key: shownKey(pair, column, numeric)}));
  keyed.sort((a, b) => {
    if (numeric) {
      if (isNaN(a.key) || isNaN(b.key)) return isNaN(a.key) - isNaN(b.key);
      return up ? a.key - b.key : b.key - a.key;
    }
    return (up ? 1 : -1) * a.key.localeCompare(b.key, undefined, {numeric: true});
  });
  body.append(...keyed.flatMap(({pair}) => [pair.row, pair.detail]));
}));

const search = document.querySelector('#search');
search.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const {row, detail} of pairs) {
    const text = row.dataset.text;
    const fits = words.every(word => text.includes(word));
    row.hidden = !fits;
    detail.hidden = !fits || row.querySelector('button').getAttribute('aria-expanded') !== 'true';
    count += fits;
  }
  document.querySelector('#count').textContent = count + ' of ' + pairs.length + ' tensors';
});

for (const {row, detail} of pairs) {
  const button = row.querySelector('button');
  button.addEventListener('click', () => {
    const open = button.getAttribute('aria-expanded') !== 'true';
    button.setAttribute('aria-expanded', String(open));
    detail.hidden = !open;
    const panel = detail.querySelector('.values[data-block]');
    if (open && panel && !panel.dataset.ready) {
      panel.dataset.ready = 'yes';
      showValues(panel);
    }
  });
}

const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int8: Int8Array, uint8: Uint8Array, int16: Int16Array,
  uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
};
function decode(panel) {
  const binary = atob(document.getElementById(panel.dataset.block).textContent);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new ARRAYS[panel.dataset.dtype](bytes.buffer);
}
function digits(value, dtype) {
  if (typeof value === 'bigint') return String(value);
  if (Object.is(value, -0)) return '-0';
  if (dtype === 'float32' && Number.isFinite(value)) {
    for (let n = 1; n <= 9; n++) {
      const text = value.toPrecision(n);
      if (Math.fround(Number(text)) === value) return String(Number(text));
    }
  }
  return String(value);
}

const LINE = 20, TALLEST = 8e6;
function showValues(panel) {
  const values = decode(panel), dtype = panel.dataset.dtype;
  const shape = panel.dataset.shape ? panel.dataset.shape.split(',').map(Number) : [];
  const last = shape.length ? shape[shape.length - 1] : 1;
  const across = Math.min(last, 16), lines = Math.ceil(last / across);
  const list = panel.querySelector('.list'), text = list.querySelector('pre'), room = list.querySelector('.room');
  const choice = panel.querySelector('select'), jump = panel.querySelector('input');
  let order = null;
  function place(index) {
    const found = [];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      found.unshift(index % shape[axis]);
      index = Math.floor(index / shape[axis]);
    }
    return '[' + found.join(', ') + ']';
  }
  const rows = () => order ? values.length : (values.length / last) * lines;
  const widest = place(values.length - 1).length;
  function lineAt(row) {
    if (order) return place(order[row]).padEnd(widest + 2) + digits(values[order[row]], dtype);
    const start = Math.floor(row / lines) * last + (row % lines) * across;
    const end = Math.min(start + across, (Math.floor(row / lines) + 1) * last);
    const shown = [];
    for (let i = start; i < end; i++) shown.push(digits(values[i], dtype).padStart(dtype === 'float64' ? 23 : 14));
    return place(start).padEnd(widest + 1) + shown.join(' ');
  }
  function draw() {
    const height = Math.min(rows() * LINE, TALLEST), seen = Math.ceil(list.clientHeight / LINE);
    room.style.height = height + 'px';
    const full = rows() * LINE <= TALLEST;
    const top = full ? list.scrollTop / LINE : list.scrollTop / (height - list.clientHeight) * (rows() - seen);
    const first = Math.max(Math.min(Math.floor(top), rows() - seen), 0);
    const shown = [];
    for (let row = first; row < Math.min(first + seen + 1, rows()); row++) shown.push(lineAt(row));
    text.textContent = shown.join('\\n');
    text.style.top = (full ? first * LINE : list.scrollTop) + 'px';
  }
  function go(row) {
    const height = Math.min(rows() * LINE, TALLEST), seen = Math.ceil(list.clientHeight / LINE);
    const full = rows() * LINE <= TALLEST;
    list.scrollTop = full ? row * LINE : row / Math.max(rows() - seen, 1) * (height - list.clientHeight);
    draw();
  }
  choice.addEventListener('change', () => {
    if (choice.value === 'index') {
      order = null;
    } else {
      const size = choice.value === 'size' ? v => (v < 0 ? -v : v) : v => v;
      const sign = choice.value === 'up' ? 1 : -1;
      order = new Uint32Array(values.length).map((_, i) => i).sort((i, j) => {
        const a = size(values[i]), b = size(values[j]);
        return a === b ? i - j : a < b ? -sign : a > b ? sign : (a !== a) - (b !== b);
      });
    }
    list.scrollTop = 0;
    draw();
  });
  jump.addEventListener('change', () => {
    const wanted = jump.value.split(',').map(Number);
    const bad = wanted.some((n, k) => !Number.isInteger(n) || n < 0 || n >= shape[k]);
    if (order || bad || wanted.length > shape.length) return;
    let flat = 0;
    shape.forEach((size, axis) => { flat = flat * size + (wanted[axis] ?? 0); });
    go(Math.floor(flat / last) * lines + Math.floor(flat % last / across));
  });
  list.addEventListener('scroll', draw);
  draw();
}
"""
