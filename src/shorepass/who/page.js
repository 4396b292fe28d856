"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const MANY = 60; // logins: from here on, places begin folded
  const LOUD = 70; // lines at a time: more of them are drawn thin, without marks
  const NEAR = 240; // pixels around the window in which lines are drawn
  const MARKS = {
    works: "works", refused: "refused", expired: "expired", "helper missing": "helper", "helper failed": "helper",
    unreadable: "file", "root-owned": "file", malformed: "file", "not checked": "unknown",
  };
  const LABELS = {
    works: "works", refused: "refused", expired: "expired", helper: "helper broken", file: "file broken", unknown: "not checked",
  };
  const LINKS = {
    sudo: "sudo", file: "the same file", mount: "mounted", socket: "engine's socket", helper: "the same helper", credential: "the same credential",
  };
  const byId = (id) => document.getElementById(id);

  // Everything that came from a place goes in as text, never as markup.
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("aria-") || name === "for" || name === "role") element.setAttribute(name, value);
      else element[name] = value;
    }
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  }

  function draw(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const mark = (kind) => draw("svg", { class: `mark ${kind}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    draw("use", { href: `#mark-${kind}` }));
  const chevron = () => draw("svg", { class: "fold", viewBox: "0 0 8 8", "aria-hidden": "true" }, draw("path", { d: "M2 .8 6 4 2 7.2" }));
  const sample = (dash, kind = "") => draw("svg", { class: `sample ${kind}`, viewBox: "0 0 30 8", "aria-hidden": "true" },
    draw("path", { class: `dash-${dash}`, d: "M1 4h28" }));
  const dashOf = (what) => (what === "file" || what === "helper" ? `${what}-link` : what);
  const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  // What is known

  const logins = data.logins;
  logins.forEach((login) => { login.mark = MARKS[login.state] || "unknown"; });
  const places = data.places.map((place) => ({ ...place, logins: logins.filter((login) => login.context === place.context) }));
  const registries = [...new Set(logins.map((login) => login.registry).filter(Boolean))];
  const textOf = (...parts) => parts.flat().filter(Boolean).join("\n").toLowerCase();
  const rests = (login) => (login.helper ? `docker-credential-${login.helper}` : login.path);
  const title = (login) => [login.account, login.key].filter(Boolean).join(" at ") || rests(login);

  const sharesOf = (login) => login.shared.map((number) => data.shares[number]).map((share) => `${LINKS[share.what] || share.what}: ${share.contexts.join(", ")}`);

  // What is chosen

  const chosen = { text: "", mark: null, registry: null };
  const fits = (login) =>
    (!chosen.mark || login.mark === chosen.mark) && (!chosen.registry || login.registry === chosen.registry) &&
    (!chosen.text || login.text.includes(chosen.text));

  // One login: a row that opens its trace

  function loginRow(login) {
    const facts = [login.clients.join(", "), login.kind].filter(Boolean).join(" · ");
    const button = make("button", { type: "button", className: "login" },
      mark(login.mark),
      make("span", { className: "key" }, login.key || rests(login), login.account ? make("span", { className: "account" }, ` ${login.account}`) : null),
      make("span", { className: `state ${login.mark}` }, login.state),
      make("span", { className: "rests" }, make("span", { className: "path" }, login.key ? rests(login) : ""), login.key && facts ? ` · ${facts}` : facts,
        login.plain_text ? " " : null, login.plain_text ? make("span", { className: "bare" }, "plain text") : null),
      make("span", { className: "more" }, [login.registry ? `for ${login.registry}` : "", login.expires ? `ends ${login.expires}` : "", login.fingerprint ? `fingerprint ${login.fingerprint}` : "", ...sharesOf(login), login.detail, login.hint ? `mend: ${login.hint}` : ""].filter(Boolean).join("; ")));
    button.setAttribute("aria-haspopup", "dialog");
    button.addEventListener("click", () => open(login));
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => point(login, null));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => point(null, null));
    login.text = textOf(login.context, login.key, login.registry, login.account, login.kind, login.path, rests(login), login.state, login.clients);
    login.row = make("li", {}, button);
    login.button = button;
    return login.row;
  }

  // One place: its name and its logins, which can be folded away

  function placeBox(place) {
    const list = make("ul", {}, ...place.logins.map(loginRow));
    const chips = [place.state, place.user].filter(Boolean).join(" · ");
    const name = [make("span", { className: "name" }, place.context), make("span", { className: "chip" }, chips)];
    place.text = textOf(place.context, place.inside, place.state, place.trouble);
    place.box = make("section", { className: "place" });
    if (place.logins.length) {
      const button = make("button", { type: "button" }, chevron(), ...name, make("span", { className: "marks" }, ...place.logins.map((login) => mark(login.mark))));
      button.addEventListener("click", () => { fold(place, !place.folded); drawLines(); });
      place.toggle = button;
      place.box.append(make("h3", {}, button), list);
      fold(place, logins.length > MANY);
    } else {
      place.box.append(make("h3", {}, make("span", {}, mark("away"), ...name)), make("p", { className: "trouble" }, place.trouble || ""));
    }
    return place.box;
  }

  function fold(place, folded) {
    place.folded = folded;
    place.box.classList.toggle("folded", folded);
    place.toggle.setAttribute("aria-expanded", String(!folded));
    place.toggle.querySelector(".marks").hidden = !folded;
  }

  // What holds places: this machine, an engine, a virtual machine

  const holders = [];
  function holderBox(name, label) {
    const inside = places.filter((place) => (place.inside || "") === name);
    const shown = inside.filter((place) => place.logins.length || place.trouble);
    const idle = inside.filter((place) => !place.logins.length && !place.trouble);
    const box = make("section", { className: "holder", "aria-label": label });
    if (!inside.length) box.hidden = true;
    const holder = { name, box, children: [], places: inside };
    holders.push(holder);
    box.append(make("h2", {}, make("span", {}, label), make("span", { className: "count" }, counted(inside.length, "place"))));
    const held = (place) => (place.context !== name && hasInside(place.context) ? holder.children.push(holderBox(place.context, `inside ${place.context}`)) : 0);
    for (const place of shown) { box.append(placeBox(place)); if (held(place)) box.append(holder.children.at(-1).box); }
    if (idle.length) box.append(idleBox(holder, idle));
    for (const place of idle) if (held(place)) box.append(holder.children.at(-1).box);
    if (name === "") for (const engine of engines()) { holder.children.push(holderBox(engine, engine)); box.append(holder.children.at(-1).box); }
    return holder;
  }
  const hasInside = (name) => places.some((place) => place.inside === name);
  const engines = () => [...new Set(places.map((place) => place.inside).filter((name) => name && !places.some((place) => place.context === name)))];

  function idleBox(holder, idle) {
    const button = make("button", { type: "button", "aria-expanded": "false" }, chevron(), `${counted(idle.length, "place")} without a login`);
    const box = make("div", { className: "none folded" }, button, make("ul", {}));
    for (const place of idle) {
      place.text = textOf(place.context, place.inside, place.state);
      place.box = make("li", {}, make("span", { className: "name" }, place.context), place.state ? ` ${place.state}` : "");
      box.lastChild.append(place.box);
    }
    const set = (folded) => { box.classList.toggle("folded", folded); button.setAttribute("aria-expanded", String(!folded)); };
    button.addEventListener("click", () => { set(!box.classList.contains("folded")); drawLines(); });
    holder.idle = { box, places: idle, set };
    if (idle.length <= 8) set(false);
    return box;
  }

  // Registries

  const registryButtons = new Map();
  function registryList() {
    for (const registry of registries) {
      const own = logins.filter((login) => login.registry === registry);
      const of = make("span", { className: "of" }, counted(own.length, "login"));
      const button = make("button", { type: "button", "aria-pressed": "false" }, make("span", { className: "name" }, registry), of);
      button.addEventListener("click", () => { chosen.registry = chosen.registry === registry ? null : registry; show(); });
      for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => point(null, registry));
      for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => point(null, null));
      registryButtons.set(registry, button);
      byId("registries").lastElementChild.append(make("li", {}, button));
    }
    byId("registries").hidden = !registries.length;
    byId("registries").addEventListener("scroll", drawLines, { passive: true });
  }

  // The legend is also the choice of one state

  function legend() {
    for (const [kind, label] of Object.entries(LABELS)) {
      const number = logins.filter((login) => login.mark === kind).length;
      if (!number) continue;
      const button = make("button", { type: "button", className: kind, "aria-pressed": "false" }, mark(kind), sample(kind), make("span", {}, label), make("b", {}, String(number)));
      button.addEventListener("click", () => { chosen.mark = chosen.mark === kind ? null : kind; show(); });
      button.dataset.mark = kind;
      byId("legend").append(make("li", {}, button));
    }
    for (const what of new Set(data.links.map((link) => link.what))) {
      byId("keys").append(make("li", {}, sample(dashOf(what)), LINKS[what] || what));
    }
  }

  function linkList() {
    const list = byId("links").lastElementChild;
    for (const link of data.links) if (link.text) list.append(make("li", {}, sample(dashOf(link.what)), make("span", {}, link.text)));
    byId("links").hidden = !data.links.length;
  }

  // Show what is chosen

  function show() {
    let rows = 0;
    for (const login of logins) { login.shown = fits(login) || (!chosen.mark && !chosen.registry && placeOf(login).text.includes(chosen.text)); login.row.hidden = !login.shown; rows += login.shown; }
    const free = !chosen.mark && !chosen.registry;
    for (const place of places) {
      place.shown = place.logins.some((login) => login.shown) || (free && place.text.includes(chosen.text) && !place.logins.length);
      place.box.hidden = !place.shown;
      if (place.toggle && place.shown && (chosen.text || !free) && rows <= MANY) fold(place, false);
    }
    holders.forEach((holder) => { if (holder.idle) { holder.idle.box.hidden = !holder.idle.places.some((place) => place.shown); if (chosen.text && !holder.idle.box.hidden) holder.idle.set(false); } });
    for (const holder of [...holders].reverse()) holder.box.hidden = !holder.places.some((place) => place.shown) && !holder.children.some((child) => !child.box.hidden);
    for (const [registry, button] of registryButtons) {
      button.setAttribute("aria-pressed", String(chosen.registry === registry));
      button.parentElement.hidden = chosen.registry !== registry && !logins.some((login) => login.shown && login.registry === registry);
    }
    for (const button of byId("legend").querySelectorAll("button")) button.setAttribute("aria-pressed", String(chosen.mark === button.dataset.mark));
    const found = places.filter((place) => place.shown).length;
    byId("found").textContent = chosen.text || !free ? `${counted(rows, "login")} in ${counted(found, "place")} shown` : "";
    foldButton();
    drawLines();
  }
  const placeNames = new Map(places.map((place) => [place.context, place]));
  const placeOf = (login) => placeNames.get(login.context);

  const anyOpen = () => places.some((place) => place.toggle && !place.folded);
  function foldButton() {
    byId("fold").textContent = anyOpen() ? "Fold all" : "Unfold all";
    byId("fold").hidden = !logins.length;
  }

  // Lines: from every login in sight to its registry, and from place to place at the left edge

  let pointed = { login: null, registry: null };
  function point(login, registry) { pointed = { login, registry }; drawLines(); }

  let waiting = false;
  function drawLines() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; drawNow(); });
  }

  function drawNow() {
    const svg = byId("lines");
    svg.querySelectorAll("g").forEach((group) => group.remove());
    if (getComputedStyle(svg).display === "none") return;
    const origin = svg.getBoundingClientRect();
    const inSight = (box) => box.bottom > -NEAR && box.top < innerHeight + NEAR && box.height > 0;
    const ends = new Map([...registryButtons].map(([registry, button]) => [registry, button.getBoundingClientRect()]));
    const frame = byId("registries").getBoundingClientRect();
    const lines = [];
    for (const login of logins) {
      const end = ends.get(login.registry);
      if (!login.shown || !end || !end.height) continue;
      const place = placeOf(login);
      const start = (place.folded ? place.toggle : login.button).getBoundingClientRect();
      if (!inSight(start)) continue;
      const beside = place.folded ? place.logins.filter((other) => other.shown && other.registry) : [login];
      const apart = (beside.indexOf(login) - (beside.length - 1) / 2) * Math.min(7, 24 / beside.length);
      lines.push({ login, start, end, from: start.top + start.height / 2 + apart, alone: beside.length === 1 });
    }
    const few = lines.length <= LOUD;
    const anybody = pointed.login || pointed.registry;
    fanIn(lines, frame);
    const casings = draw("g", {});
    svg.append(casings);
    const isLoud = ({ login }) => login === pointed.login || (pointed.registry && login.registry === pointed.registry);
    lines.sort((one, other) => Number(isLoud(one)) - Number(isLoud(other)));
    for (const line of lines) {
      const loud = isLoud(line), kind = line.login.mark;
      const x1 = line.start.right - origin.left - 4, y1 = line.from - origin.top;
      const x2 = line.end.left - origin.left - 1, y2 = line.at - origin.top;
      const out = Math.max(x1, line.edge - origin.left) + (few || loud ? 34 : 6), bend = (x2 - out) * 0.5;
      const d = `M${x1} ${y1}H${out}C${out + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
      const group = draw("g", { class: `${kind} ${anybody && !loud ? "quiet" : ""} ${loud ? "loud" : ""}` });
      casings.append(draw("path", { class: "casing", d }));
      group.append(draw("path", { class: `dash-${kind}`, d }));
      if ((few && line.alone) || loud) {
        group.append(draw("circle", { cx: out - 12, cy: y1, r: 9, fill: "var(--paper)" }),
          draw("use", { href: `#mark-${kind}`, class: "mark", x: out - 18.5, y: y1 - 6.5, width: 13, height: 13 }));
      }
      svg.append(group);
    }
    drawLinks(svg, origin, inSight);
  }

  // The ends at one registry stand one below the other, in the order of their beginnings.
  function fanIn(lines, frame) {
    const edge = byId("places").getBoundingClientRect().right;
    for (const registry of new Set(lines.map((line) => line.login.registry))) {
      const own = lines.filter((line) => line.login.registry === registry).sort((one, other) => one.from - other.from);
      own.forEach((line, number) => {
        const inner = line.end.height - 16, at = line.end.top + 8 + (inner * (number + 0.5)) / own.length;
        line.at = Math.min(Math.max(at, frame.top), frame.bottom);
        line.edge = edge;
      });
    }
  }

  // A place that very many share with is linked to all of them only when one of its logins is pointed at.
  function drawLinks(svg, origin, inSight) {
    const group = draw("g", {});
    const drawn = [];
    for (const link of data.links) {
      const from = placeNames.get(link.from), to = placeNames.get(link.to) || holders.find((holder) => holder.name === link.to);
      if (!from || !to || from.box.hidden || to.box.hidden) continue;
      const hot = pointed.login && (pointed.login.context === link.from || pointed.login.context === link.to);
      if (link.crowded && !hot) continue;
      const a = headOf(from), b = headOf(to);
      if (a && b && (inSight(a) || inSight(b))) drawn.push({ link, a, b, hot });
    }
    drawn.sort((one, other) => Math.abs(one.a.top - one.b.top) - Math.abs(other.a.top - other.b.top));
    const left = byId("places").getBoundingClientRect().left - origin.left;
    drawn.forEach(({ link, a, b, hot }, number) => {
      const x1 = a.left - origin.left, y1 = a.top + a.height / 2 - origin.top - 3 + (number % 3) * 3;
      const x2 = b.left - origin.left - 1, y2 = b.top + b.height / 2 - origin.top - 3 + (number % 3) * 3;
      const out = left - 9 - (number % 6) * 6.5, turn = Math.min(9, Math.abs(y2 - y1) / 2), down = Math.sign(y2 - y1) || 1;
      const d = `M${x1} ${y1}H${out + turn}Q${out} ${y1} ${out} ${y1 + turn * down}V${y2 - turn * down}Q${out} ${y2} ${out + turn} ${y2}H${x2}`;
      const directed = ["sudo", "mount", "socket"].includes(link.what);
      group.append(draw("path", { class: `link dash-${dashOf(link.what)} ${hot ? "hot" : ""}`, d, "marker-end": "url(#tip)", ...(directed ? {} : { "marker-start": "url(#tip)" }) }));
    });
    svg.append(group);
  }
  const headOf = (place) => {
    const box = (place.toggle || place.box.querySelector("h2, h3") || place.box).getBoundingClientRect();
    return box.height ? box : null;
  };

  // The trace of one login

  function facts(login) {
    const list = make("dl", { className: "facts" });
    const lines = [
      ["Place", login.context], ["Clients", login.clients.join(", ") || "none"], ["Key", login.key], ["Registry", login.registry], ["Account", login.account],
      ["Kind", login.kind], ["Rests in", login.helper ? rests(login) + (login.path ? `, named in ${login.path}` : "") : login.path + (login.plain_text ? " (plain text)" : "")],
      ["Fingerprint", login.fingerprint], ["Ends", login.expires], ["Why", login.detail], ["Mend it", login.hint], ["Shared", sharesOf(login).join("; ")],
    ];
    for (const [name, value] of lines) if (value) list.append(make("dt", {}, name), make("dd", {}, value));
    return list;
  }

  const OUTCOMES = { ok: "works", skipped: "unknown", failed: "refused" };
  function steps(trace) {
    return make("ol", { className: "steps" }, ...trace.steps.map((step) => make("li", {},
      mark(OUTCOMES[step.outcome]),
      make("span", { className: "kind" }, step.kind),
      make("span", { className: "said" }, make("span", { className: "subject" }, step.subject), ": ", make("span", { className: "detail" }, step.detail),
        step.hint ? make("span", { className: "hint" }, "hint: ", make("code", {}, step.hint)) : null))));
  }
  const traced = (login, heading) => login.traces.flatMap((trace) => [make(heading, {}, trace.client), steps(trace)]);

  function open(login) {
    byId("trace-title").textContent = title(login);
    byId("trace-body").replaceChildren(make("p", { className: `verdict ${login.mark}` }, mark(login.mark), login.state), facts(login), ...traced(login, "h3"));
    byId("trace").showModal();
    byId("trace-title").focus();
    byId("trace").scrollTop = 0;
  }

  function paper() {
    for (const login of logins) {
      if (login.traces.length) byId("paper").append(make("article", {}, make("h3", {}, `${login.context}: ${title(login)}`), ...traced(login, "h4")));
    }
    byId("paper").hidden = !logins.some((login) => login.traces.length);
  }

  // Keys: arrows go from login to login, "/" to the search; a click beside the dialog closes it

  function keys(event) {
    if (byId("trace").open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== byId("find")) { event.preventDefault(); byId("find").focus(); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const stops = [...document.querySelectorAll("#places button")].filter((button) => button.offsetParent);
    const at = stops.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== byId("find")) return;
    event.preventDefault();
    const next = stops[at + step];
    if (next) next.focus();
  }

  // Begin

  byId("sentence").textContent = data.sentence;
  byId("drawn").textContent = data.drawn;
  byId("drawn").dateTime = data.drawn;
  byId("places").append(holderBox("", "this machine").box);
  if (!logins.length) {
    byId("places").prepend(make("div", { className: "empty" }, make("b", {}, "Nobody is logged in"), make("span", {}, `${counted(places.length, "place")} looked at. Log in with `, make("code", {}, "shorepass login REGISTRY"))));
  }
  registryList();
  legend();
  linkList();
  paper();
  byId("find").addEventListener("input", (event) => { chosen.text = event.target.value.trim().toLowerCase(); show(); });
  byId("fold").addEventListener("click", () => {
    const folded = anyOpen();
    for (const place of places) if (place.toggle) fold(place, folded);
    foldButton();
    drawLines();
  });
  byId("trace").addEventListener("click", (event) => { if (event.target === byId("trace")) byId("trace").close(); });
  document.addEventListener("keydown", keys);
  addEventListener("resize", drawLines);
  addEventListener("scroll", drawLines, { passive: true });
  show();
})();
