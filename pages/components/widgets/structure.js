// A molecule in 3D and 2D whose atoms can be picked by clicks. `data` holds numbers, colours and element symbols alone;
// the drawing comes as an image, in which nothing runs.
//
// data: atoms [{elem, x, y, z, bonds, bondOrder, color}] or null, labels [text], hover [text], hidden [atom],
//       marked, lit, picked [atom], lines [{start, end, color, atoms, text}], arrow {start, end} or null, background, ink, dark, script,
//       integrity, height, flat {image, width, height, radius, places: [[atom, x, y]]} or null, most

const PICKED = "#CC79A7";
const LIT = "#009E73";
const MARKED = "#E69F00";
const ARROW = "#009E73";

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".structure");
  const view = (host.view ??= { picked: [] });
  view.data = data;
  host.classList.toggle("dark", data.dark);
  view.picked = [...data.picked];
  view.toggle = (atom) => {
    const others = view.picked.filter((other) => other !== atom);
    view.pick(others.length < view.picked.length ? others : [...others, atom].slice(-view.data.most));
  };
  view.pick = (atoms) => {
    view.picked = atoms;
    if (view.viewer) { once(view.viewer, () => drawMarks(view)); }
    drawFlat(host, view);
    setTriggerValue("picked", view.picked);
  };
  drawFlat(host, view);
  drawSpatial(host, view);
  return () => setTimeout(() => {
    if (!host.isConnected) { release(view); }
  }, 0);
}

// ---- 2D

function drawFlat(host, view) {
  const place = host.querySelector(".flat");
  const flat = view.data.flat;
  place.hidden = !flat;
  if (!flat) { return; }
  place.style.aspectRatio = `${flat.width} / ${flat.height}`;
  place.style.maxWidth = `${flat.width}px`;
  const image = place.querySelector("img");
  if (image.src !== flat.image) { image.src = flat.image; }
  image.alt = flat.alt;
  const svg = place.querySelector("svg");
  svg.setAttribute("viewBox", `0 0 ${flat.width} ${flat.height}`);
  drawBonds(svg, flat, view);
  const circles = new Map([...svg.querySelectorAll("circle")].map((circle) => [Number(circle.dataset.atom), circle]));
  const drawn = new Set();
  for (const [atom, x, y] of flat.places) {
    drawn.add(atom);
    let circle = circles.get(atom);
    if (!circle) {
      circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      circle.dataset.atom = atom;
      circle.setAttribute("role", "button");
      circle.setAttribute("tabindex", "0");
      circle.append(document.createElementNS("http://www.w3.org/2000/svg", "title"));
      circle.onclick = () => view.toggle(atom);
      circle.onkeydown = (event) => {
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); view.toggle(atom); }
      };
      svg.append(circle);
    }
    const picked = view.picked.includes(atom);
    circle.setAttribute("cx", x);
    circle.setAttribute("cy", y);
    circle.setAttribute("r", flat.radius);
    circle.setAttribute("aria-label", view.data.names[atom]);
    circle.setAttribute("aria-pressed", picked);
    circle.classList.toggle("picked", picked);
    circle.classList.toggle("lit", view.data.lit.includes(atom));
    circle.firstChild.textContent = view.data.hover[atom];
  }
  for (const [atom, circle] of circles) {
    if (!drawn.has(atom)) { circle.remove(); }
  }
}

// A click on a bond picks both of its atoms. By keyboard they are picked one after the other.
function drawBonds(svg, flat, view) {
  svg.querySelectorAll("line").forEach((line) => line.remove());
  const places = new Map(flat.places.map(([atom, x, y]) => [atom, [x, y]]));
  for (const [first, second] of flat.bonds) {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    line.dataset.bond = `${first}-${second}`;
    const [[x1, y1], [x2, y2]] = [places.get(first), places.get(second)];
    for (const [name, value] of Object.entries({ x1, y1, x2, y2 })) { line.setAttribute(name, value); }
    line.append(document.createElementNS("http://www.w3.org/2000/svg", "title"));
    line.firstChild.textContent = `${view.data.names[first]}–${view.data.names[second]}`;
    line.onclick = () => {
      const both = view.picked.length === 2 && view.picked.includes(first) && view.picked.includes(second);
      view.pick(both ? [] : [first, second]);
    };
    svg.prepend(line);
  }
}

// ---- 3D

function script(source, integrity) {
  window.virialff3Dmol ??= new Promise((resolve, reject) => {
    if (window.$3Dmol) { resolve(window.$3Dmol); return; }
    const tag = document.createElement("script");
    if (integrity) { tag.integrity = integrity; tag.crossOrigin = "anonymous"; }
    tag.onload = () => { drawOnceASize(window.$3Dmol); resolve(window.$3Dmol); };
    tag.onerror = () => { delete window.virialff3Dmol; reject(new Error("3Dmol.js could not be loaded.")); };
    tag.src = source;
    document.head.append(tag);
  });
  return window.virialff3Dmol;
}

// 3Dmol.js draws anew whenever one of its watchers looks at the size, three times when a view appears.
function drawOnceASize(library) {
  const { resize } = library.GLViewer.prototype;
  library.GLViewer.prototype.resize = function () {
    const same = this.getWidth() === this.WIDTH && this.getHeight() === this.HEIGHT;
    return same && !this.renderer.isLost() ? this : resize.call(this);
  };
}

const idle = window.requestIdleCallback?.bind(window) ?? ((then) => setTimeout(then, 200));

async function drawSpatial(host, view) {
  const place = host.querySelector(".spatial");
  place.hidden = !view.data.atoms;
  if (!view.data.atoms) { return; }
  place.style.height = `${view.data.height}px`;
  place.setAttribute("aria-label", view.data.alt);
  const message = host.querySelector(".message");
  try {
    view.library = await script(view.data.script, view.data.integrity);
  } catch (error) {
    say(message, `The 3D view cannot be shown: ${error.message}`);
    return;
  }
  // Numbers come first: where a processor draws instead of a graphics card, a view takes seconds.
  const turn = (view.turn = (view.turn ?? 0) + 1);
  await new Promise((resolve) => setTimeout(() => idle(resolve, { timeout: 3000 }), 300));
  if (!host.isConnected || turn !== view.turn) { return; }
  if (!view.viewer) {
    takeViewer(view, place);
    if (!view.viewer) {
      say(message, "The 3D view cannot be shown: this browser offers no WebGL.");
      return;
    }
    view.watch = new ResizeObserver(() => {
      if (!place.clientWidth) { return; }
      view.viewer.resize();
      if (view.width !== place.clientWidth) { fit(view, place); }
    });
    view.watch.observe(place);
    view.forget = fingers(place);
  }
  say(message, "");
  once(view.viewer, () => {
    view.viewer.resize();
    if (view.geometry === undefined) { view.viewer.setView(view.viewer.straight); }
    drawAtoms(view, place);
    drawMarks(view);
  });
  host.dataset.drawn = "true";
}

// 3Dmol.js draws the whole view after each label and each change; here after the last one.
function once(viewer, change) {
  viewer.show = () => viewer;
  try { change(); } finally { delete viewer.show; }
  viewer.show();
}

// A finger scrolls the page across the view. Once it has tapped the view it turns the molecule, until it taps elsewhere.
function fingers(place) {
  const canvas = place.querySelector(".canvas");
  const within = (event) => place.classList.contains("tapped") || event.touches.length > 1;
  const gone = new AbortController();
  const { signal } = gone;
  let swiped = false;
  for (const kind of ["touchstart", "touchmove"]) {
    canvas.addEventListener(kind, (event) => {
      swiped = kind === "touchmove";
      if (!within(event)) { event.stopPropagation(); }
    }, { capture: true, passive: true, signal });
  }
  canvas.addEventListener("touchend", () => {
    if (!swiped) { place.classList.add("tapped"); }
  }, { signal });
  document.addEventListener("pointerdown", (event) => {
    if (!event.composedPath().includes(place)) { place.classList.remove("tapped"); }
  }, { signal });
  return () => gone.abort();
}

function say(message, text) {
  message.textContent = text;
  message.hidden = !text;
}

function drawAtoms(view, place) {
  const { viewer, data } = view;
  const geometry = JSON.stringify(data.atoms.map((atom) => [atom.elem, atom.x, atom.y, atom.z]));
  if (geometry !== view.geometry) {
    viewer.removeAllModels();
    view.model = viewer.addModel();
    view.model.addAtoms(data.atoms.map((atom, index) => ({ ...atom, index, serial: index, properties: {} })));
    view.geometry = geometry;
    view.width = 0;
  }
  viewer.setBackgroundColor(data.background);
  const colors = data.atoms.map((atom) => atom.color);
  const color = colors.every(Boolean) ? { colorfunc: (atom) => colors[atom.index] } : { colorscheme: "default" };
  viewer.setStyle({}, { stick: { radius: 0.14, ...color }, sphere: { scale: 0.27, ...color } });
  if (data.hidden.length) { viewer.setStyle({ index: data.hidden }, {}); }
  viewer.setClickable({}, true, (atom) => view.toggle(atom.index));
  viewer.setHoverable({}, true, (atom) => hover(view, data.hover[atom.index], atom), () => hover(view));
  if (view.width === 0 && place.clientWidth) { fit(view, place); }
}

// What is said where the mouse rests; nothing where it left.
function hover(view, text, position) {
  view.viewer.removeLabel(view.hovered);
  view.hovered = text ? view.viewer.addLabel(text, {
    position, fontSize: 13, fontColor: view.data.ink, backgroundColor: view.data.background, backgroundOpacity: 0.9,
  }) : undefined;
}

function fit(view, place) {
  const { viewer, data } = view;
  view.width = place.clientWidth;
  viewer.zoomTo();
  // zoomTo leaves room for every orientation; what is seen at first may fill the frame.
  const seen = (viewer.CAMERA_Z - viewer.getView()[3]) * Math.tan((Math.PI / 360) * viewer.camera.fov);
  viewer.zoom(seen / Math.max(data.half[1], (data.half[0] * place.clientHeight) / place.clientWidth));
  viewer.render();
}

// Shells, lines, arrow and labels: what changes while the atoms stay.
function drawMarks(view) {
  const { viewer, data } = view;
  if (!viewer || !data.atoms) { return; }
  viewer.removeAllShapes();
  viewer.removeAllLabels();
  view.hovered = undefined;
  const shell = (atom, color, radius, opacity) => {
    const { x, y, z } = data.atoms[atom];
    viewer.addSphere({ center: { x, y, z }, radius, color, opacity });
  };
  data.marked.forEach((atom) => shell(atom, MARKED, 0.75, 0.45));
  data.lit.filter((atom) => !view.picked.includes(atom)).forEach((atom) => shell(atom, LIT, 0.6, 0.5));
  view.picked.forEach((atom) => shell(atom, PICKED, 0.6, 0.65));
  for (const line of data.lines) {
    const { start, end, color, atoms, text } = line;
    const middle = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2, z: (start.z + end.z) / 2 };
    const taken = atoms.every((atom) => view.picked.includes(atom)) && view.picked.length === 2;
    viewer.addCylinder({ start, end, color, radius: 0.07, dashed: true, fromCap: 1, toCap: 1 });
    // What is hit: between the dashes too, and a little beside them.
    viewer.addCylinder({
      start, end, color, radius: 0.2, opacity: 0.01,
      clickable: true, callback: () => view.pick(taken ? [] : atoms),
      hoverable: Boolean(text), hover_callback: () => hover(view, text, middle), unhover_callback: () => hover(view),
    });
  }
  for (let k = 1; k < view.picked.length; k += 1) {
    const [start, end] = [view.picked[k - 1], view.picked[k]].map((atom) => {
      const { x, y, z } = data.atoms[atom];
      return { x, y, z };
    });
    viewer.addCylinder({ start, end, radius: 0.04, dashed: true, color: PICKED, fromCap: 1, toCap: 1 });
  }
  if (data.arrow) {
    viewer.addArrow({ ...data.arrow, radius: 0.09, radiusRatio: 2.5, mid: 0.82, color: ARROW });
  }
  const hidden = new Set(data.hidden);
  data.atoms.forEach((atom, index) => {
    const picked = view.picked.includes(index);
    const text = data.labels[index] || (picked ? data.names[index] : "");
    if (!text || (hidden.has(index) && !picked)) { return; }
    viewer.addLabel(text, {
      position: { x: atom.x, y: atom.y, z: atom.z },
      alignment: "center", fontSize: 12, fontColor: data.ink, backgroundColor: data.background,
      backgroundOpacity: 0.6, padding: 1, borderThickness: 0, inFront: true,
    });
  });
  viewer.render();
}

// A viewer goes on from page to page and from molecule to molecule: in a new one every shader is compiled again.
function takeViewer(view, place) {
  const canvas = place.querySelector(".canvas");
  const spare = window.virialffSpare;
  window.virialffSpare = undefined;
  if (spare) {
    canvas.replaceWith(spare.container);
    view.viewer = spare;
    return;
  }
  try {
    view.viewer = view.library.createViewer(canvas, { antialias: true });
  } catch { /* the caller says it */ }
  if (view.viewer) { view.viewer.straight = view.viewer.getView(); }
}

function release(view) {
  view.watch?.disconnect();
  view.forget?.();
  const { viewer } = view;
  view.viewer = undefined;
  if (!viewer) { return; }
  if (!window.virialffSpare && !viewer.renderer.isLost()) {
    window.virialffSpare = viewer;
    return;
  }
  viewer.getCanvas()?.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
}
