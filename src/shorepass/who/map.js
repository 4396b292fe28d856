"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const MANY = 60; // logins: from here on, contexts begin folded
  const FEW = 10; // lines at a time: more of them are drawn only for what is selected
  const NEAR = 240; // pixels around the window in which lines are drawn
  const HUB = "docker.io";
  const HUB_KEY = "https://index.docker.io/v1/";
  const MARKS = {
    works: "works", refused: "refused", expired: "expired", "helper missing": "helper", "helper failed": "helper",
    unreadable: "file", "root-owned": "file", malformed: "file", unreachable: "away", locked: "locked", "not checked": "unknown",
  };
  const LABELS = {
    refused: "refused", file: "file broken", helper: "helper broken", expired: "expired", locked: "locked", away: "unreachable",
    unknown: "not checked", works: "works",
  };
  const WORST = Object.keys(LABELS); // worst first
  const BAD = new Set(["refused", "file", "helper", "expired"]);
  const LINKS = {
    sudo: "sudo", file: "the same file", mount: "mounted file", socket: "engine's socket", helper: "the same helper", credential: "the same credential", grant: "lent login",
  };
  const byId = (id) => document.getElementById(id);

  // Everything that came from a context goes in as text, never as markup.
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

  // Names for people

  const registryName = (registry) => (registry === HUB ? "Docker Hub" : registry);
  const keyName = (key) => (key === HUB_KEY || key === HUB ? "Docker Hub" : key);
  const contextName = (name) => name.replace(/^(user|docker|podman|compose|ssh|kube|wsl|lima):/, "$1 ");
  const title = (login) => [login.user, keyName(login.key)].filter(Boolean).join(" at ") || login.stored_in;

  // A path or a key breaks only behind a slash, a dot or a colon; a path begins with ~ below the home folder of its context.
  const breakable = (text) => text.split(/(?<=[\/\\.:@])/).flatMap((piece) => [document.createElement("wbr"), piece]).slice(1);
  function path(text, home = "") {
    const short = home && home !== "/" && text.startsWith(`${home}/`) ? `~${text.slice(home.length)}` : text;
    return make("span", { className: "path", title: text }, ...breakable(short));
  }

  // What is known

  const logins = data.logins;
  const contexts = data.contexts.map((context) => ({ ...context, logins: logins.filter((login) => login.context === context.context) }));
  const byName = new Map(contexts.map((context) => [context.context, context]));
  const contextOf = (login) => byName.get(login.context);
  const textOf = (...parts) => parts.flat().filter(Boolean).join("\n").toLowerCase();
  const credentialOf = (login) => (login.fingerprint ? `${login.registry}\n${login.user || ""}\n${login.fingerprint}` : "");
  const homes = new Map();
  for (const login of logins) {
    login.mark = MARKS[login.state] || "unknown";
    login.rank = WORST.indexOf(login.mark) * 2 - Number(login.plain_text);
    if (credentialOf(login)) homes.set(credentialOf(login), new Set([...(homes.get(credentialOf(login)) || []), login.context]));
  }
  for (const login of logins) login.copies = homes.get(credentialOf(login))?.size || 1;
  for (const context of contexts) {
    context.grants = data.grants.filter((grant) => grant.contexts.includes(context.context));
    context.sockets = context.shared.filter((number) => data.shares[number].what === "socket");
    context.rank = Math.min(context.sockets.length ? 0 : WORST.length * 2, ...context.logins.map((login) => login.rank));
  }
  const worstFirst = (list) => [...list].sort((one, other) => one.rank - other.rank);
  const registries = [...new Set(worstFirst(logins).map((login) => login.registry).filter(Boolean))];
  const sharesOf = (thing) => thing.shared.map((number) => data.shares[number]);
  const shareText = (share, own) => {
    const others = share.contexts.filter((name) => name !== own).map(contextName).join(", ");
    return others ? `${LINKS[share.what] || share.what}: ${others}` : `${LINKS[share.what] || share.what}: ${share.subject}`;
  };

  // Risks: what to look at first, each a filter

  const RISKS = {
    plain: { label: "in plain text", noun: "login", fits: (login) => login.plain_text },
    socket: { label: "with the engine's socket", noun: "container", fits: (login) => contextOf(login).sockets.length > 0, alone: (context) => context.sockets.length > 0 },
    copies: { label: "in several contexts", noun: "credential", fits: (login) => login.copies > 1 },
    broken: { label: "broken, refused or expired", noun: "login", fits: (login) => BAD.has(login.mark) },
  };
  const numberOf = {
    plain: () => logins.filter(RISKS.plain.fits).length,
    socket: () => contexts.filter(RISKS.socket.alone).length,
    copies: () => [...homes.values()].filter((names) => names.size > 1).length,
    broken: () => logins.filter(RISKS.broken.fits).length,
  };

  function riskCards() {
    for (const [name, risk] of Object.entries(RISKS)) {
      const number = numberOf[name]();
      const button = make("button", { type: "button", className: number ? `risk-${name}` : "calm", "aria-pressed": "false", disabled: !number },
        make("b", {}, String(number)), make("span", {}, `${risk.noun}${number === 1 ? "" : "s"} ${risk.label}`));
      button.dataset.risk = name;
      button.addEventListener("click", () => { chosen.risk = chosen.risk === name ? null : name; show(); });
      byId("risks").append(make("li", {}, button));
    }
    byId("risks").hidden = !logins.length;
  }

  // What is chosen

  const chosen = { text: "", mark: null, registry: null, risk: null, group: "context" };
  const isNarrowed = () => Boolean(chosen.mark || chosen.registry || chosen.risk);
  const fits = (login) =>
    (!chosen.mark || login.mark === chosen.mark) && (!chosen.registry || login.registry === chosen.registry) &&
    (!chosen.risk || RISKS[chosen.risk].fits(login)) && (!chosen.text || login.text.includes(chosen.text));

  // One login: a row that opens its trace

  function loginRow(login) {
    const facts = [login.clients.join(", "), login.kind].filter(Boolean).join(" · ");
    const home = contextOf(login).home;
    const where = login.helper ? make("span", { className: "path" }, login.stored_in) : path(login.path, home);
    const named = chosen.group !== "context";
    const button = make("button", { type: "button", className: "login" },
      make("span", { className: "key", title: login.key }, ...(login.key ? breakable(keyName(login.key)) : [where.cloneNode(true)]),
        login.user ? make("span", { className: "user" }, ` ${login.user}`) : null,
        named ? make("span", { className: "in" }, ` in ${contextName(login.context)}`) : null),
      make("span", { className: `state ${login.mark}` }, mark(login.mark), login.state),
      make("span", { className: "stored" }, login.key ? where : "", login.key && facts ? ` · ${facts}` : facts,
        login.plain_text ? " " : null, login.plain_text ? make("span", { className: "bare" }, "plain text") : null,
        login.copies > 1 ? " " : null, login.copies > 1 ? make("span", { className: "bare copies" }, `in ${login.copies} contexts`) : null),
      make("span", { className: "more" }, moreOf(login)));
    button.setAttribute("aria-haspopup", "dialog");
    button.addEventListener("click", () => open(login));
    for (const event of ["pointerenter", "focus"]) button.addEventListener(event, () => point(login, null));
    for (const event of ["pointerleave", "blur"]) button.addEventListener(event, () => point(null, null));
    login.row = make("li", {}, button);
    login.button = button;
    return login.row;
  }

  // What paper shows in the place of the dialog
  function moreOf(login) {
    const parts = [
      login.registry ? `for ${login.registry}` : "", login.expires ? `expires ${login.expires}` : "",
      login.fingerprint ? `fingerprint ${login.fingerprint}` : "", ...sharesOf(login).map((share) => shareText(share, login.context)),
      login.detail, login.hint ? `fix: ${login.hint}` : "",
    ];
    return parts.filter(Boolean).join("; ");
  }

  for (const login of logins) {
    login.text = textOf(login.context, login.key, keyName(login.key), login.registry, login.user, login.kind, login.path, login.stored_in, login.state, login.clients);
  }

  // A box of logins: a context, a registry or a credential

  let boxes = [];
  function loginBox(name, chips, own, notes = []) {
    const list = make("ul", {}, ...worstFirst(own).map(loginRow));
    const box = { logins: own, element: make("section", { className: "box" }) };
    const marks = worstFirst(own).map((login) => mark(login.mark));
    const button = make("button", { type: "button" }, chevron(), make("span", { className: "name" }, name),
      chips ? make("span", { className: "chip" }, chips) : null, ...notes,
      make("span", { className: "marks" }, ...marks));
    button.addEventListener("click", () => { fold(box, !box.folded); drawLines(); });
    box.toggle = button;
    box.element.append(make("h3", {}, button), list);
    boxes.push(box);
    fold(box, logins.length > MANY || (logins.length > FEW && own.every((login) => login.mark === "works" && !login.plain_text)));
    return box;
  }

  function fold(box, folded) {
    box.folded = folded;
    box.element.classList.toggle("folded", folded);
    box.toggle.setAttribute("aria-expanded", String(!folded));
    box.toggle.querySelector(".marks").hidden = !folded;
  }

  // What a context has beside logins: the engine's socket, and logins that are lent to it
  const lentBy = (grant) => `lent ${(grant.repositories.length ? grant.repositories : grant.registries).map(registryName).join(", ")}`;
  const notesOf = (context) => [
    ...context.sockets.map(() => make("span", { className: "note" }, "engine's socket")),
    ...context.grants.map((grant) => make("span", { className: "note lent", title: `grant ${grant.id}, mode ${grant.mode}, until ${grant.until}` }, lentBy(grant))),
  ];

  function contextBox(context) {
    const chips = [context.state, context.uid === null ? "" : `uid ${context.uid}`, context.home].filter(Boolean).join(" · ");
    const notes = notesOf(context);
    context.text = textOf(context.context, context.inside, context.state, context.error, context.grants.map(lentBy));
    if (context.logins.length) {
      context.box = loginBox(contextName(context.context), chips, context.logins, notes);
      context.element = context.box.element;
    } else {
      context.element = make("section", { className: "box" }, make("h3", {}, make("span", {}, context.error ? mark("away") : null, make("span", { className: "name" }, contextName(context.context)), make("span", { className: "chip" }, chips), ...notes)),
        context.error ? make("p", { className: "trouble" }, `not looked at: ${context.error}`, context.hint ? make("span", { className: "hint" }, "next: ", make("code", {}, context.hint)) : null) : null);
    }
    return context.element;
  }

  // What holds contexts: this machine, an engine, a virtual machine

  let holders = [];
  function holderBox(name, label) {
    const inside = contexts.filter((context) => (context.inside || "") === name);
    const isShown = (context) => context.logins.length || context.error || context.sockets.length || context.grants.length;
    const idle = inside.filter((context) => !isShown(context));
    const box = make("section", { className: "holder", "aria-label": label });
    if (!inside.length) box.hidden = true;
    const holder = { name, box, children: [], contexts: inside };
    holders.push(holder);
    box.append(make("h2", {}, make("span", {}, label), make("span", { className: "count" }, counted(inside.length, "context"))));
    const held = (context) => {
      if (context.context === name || !hasInside(context.context)) return;
      holder.children.push(holderBox(context.context, `inside ${contextName(context.context)}`));
      box.append(holder.children.at(-1).box);
    };
    for (const context of worstFirst(inside.filter(isShown))) { box.append(contextBox(context)); held(context); }
    if (idle.length) box.append(idleBox(holder, idle));
    idle.forEach(held);
    if (name === "") for (const engine of engines()) { holder.children.push(holderBox(engine, engine)); box.append(holder.children.at(-1).box); }
    return holder;
  }
  const hasInside = (name) => contexts.some((context) => context.inside === name);
  const engines = () => [...new Set(contexts.map((context) => context.inside).filter((name) => name && !byName.has(name)))];

  function idleBox(holder, idle) {
    const button = make("button", { type: "button", "aria-expanded": "false" }, chevron(), `${counted(idle.length, "context")} without a login`);
    const box = make("div", { className: "none folded" }, button, make("ul", {}));
    for (const context of idle) {
      context.text = textOf(context.context, context.inside, context.state);
      context.element = make("li", {}, make("span", { className: "name" }, contextName(context.context)), context.state ? ` ${context.state}` : "");
      box.lastChild.append(context.element);
    }
    const set = (folded) => { box.classList.toggle("folded", folded); button.setAttribute("aria-expanded", String(!folded)); };
    button.addEventListener("click", () => { set(!box.classList.contains("folded")); drawLines(); });
    holder.idle = { box, contexts: idle, set };
    return box;
  }

  // The three ways to group

  const GROUPS = {
    context: () => [holderBox("", "this machine").box],
    registry: () => boxesBy((login) => login.registry, (login) => registryName(login.registry) || "no registry", () => ""),
    credential: () => boxesBy(credentialOf, (login) => (credentialOf(login) ? title(login) : "the secret was not read"),
      (login) => (login.fingerprint ? `fingerprint ${login.fingerprint}` : "")),
  };

  function boxesBy(which, name, chip) {
    const groups = new Map();
    for (const login of logins) groups.set(which(login), [...(groups.get(which(login)) || []), login]);
    const order = [...groups.values()].map((own) => ({ own, copies: new Set(own.map((login) => login.context)).size, rank: Math.min(...own.map((login) => login.rank)) }));
    order.sort((one, other) => one.rank - other.rank || other.copies - one.copies);
    return order.map(({ own, copies }) => loginBox(name(own[0]), [chip(own[0]), copies > 1 ? counted(copies, "context") : ""].filter(Boolean).join(" · "), own).element);
  }

  function group(name) {
    chosen.group = name;
    boxes = [];
    holders = [];
    document.body.dataset.group = name;
    byId("contexts").replaceChildren(...(logins.length ? [] : [emptyBox()]), ...GROUPS[name]());
    for (const button of byId("groups").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.group === name));
    show();
  }

  const emptyBox = () => make("div", { className: "empty" }, make("b", {}, "No one is logged in"),
    make("span", {}, `Shorepass looked at ${counted(contexts.length, "context")}. Log in with `, make("code", {}, "shorepass login REGISTRY")));

  function groupButtons() {
    for (const name of Object.keys(GROUPS)) {
      const button = make("button", { type: "button", "aria-pressed": "false" }, name);
      button.dataset.group = name;
      button.addEventListener("click", () => group(name));
      byId("groups").append(button);
    }
    byId("groups").hidden = !logins.length;
  }

  // Registries

  const registryButtons = new Map();
  function registryList() {
    for (const registry of registries) {
      const own = logins.filter((login) => login.registry === registry);
      const button = make("button", { type: "button", "aria-pressed": "false", title: registry },
        make("span", { className: "name" }, registryName(registry)), make("span", { className: "of" }, counted(own.length, "login")));
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
      const button = make("button", { type: "button", className: kind, "aria-pressed": "false" }, mark(kind), make("span", {}, label), make("b", {}, String(number)));
      button.addEventListener("click", () => { chosen.mark = chosen.mark === kind ? null : kind; show(); });
      button.dataset.mark = kind;
      byId("legend").append(make("li", {}, button));
    }
    for (const what of new Set(data.links.map((link) => link.what))) {
      byId("keys").append(make("li", { className: `key-${what}` }, sample(dashOf(what), `link-${what}`), LINKS[what] || what));
    }
  }

  function linkList() {
    const list = byId("links").lastElementChild;
    for (const link of data.links) if (link.text) list.append(make("li", {}, sample(dashOf(link.what), `link-${link.what}`), make("span", {}, link.text)));
    byId("links").hidden = !data.links.length;
  }

  // Show what is chosen

  function show() {
    let rows = 0;
    const free = !isNarrowed();
    for (const login of logins) {
      login.shown = fits(login) || (free && chosen.text && contextOf(login).text.includes(chosen.text));
      login.row.hidden = !login.shown;
      rows += login.shown;
    }
    for (const box of boxes) {
      box.shown = box.logins.some((login) => login.shown);
      box.element.hidden = !box.shown;
      if (box.shown && (chosen.text || !free) && rows <= MANY) fold(box, false);
    }
    if (chosen.group === "context") for (const context of contexts) {
      const isAlone = !context.logins.length && ((free && context.text.includes(chosen.text)) || Boolean(RISKS[chosen.risk]?.alone?.(context)));
      context.shown = context.logins.some((login) => login.shown) || isAlone;
      context.element.hidden = !context.shown;
    }
    for (const holder of holders) {
      if (!holder.idle) continue;
      holder.idle.box.hidden = !holder.idle.contexts.some((context) => context.shown);
      if (chosen.text && !holder.idle.box.hidden) holder.idle.set(false);
    }
    for (const holder of [...holders].reverse()) holder.box.hidden = !holder.contexts.some((context) => context.shown) && !holder.children.some((child) => !child.box.hidden);
    for (const [registry, button] of registryButtons) {
      button.setAttribute("aria-pressed", String(chosen.registry === registry));
      button.parentElement.hidden = chosen.registry !== registry && !logins.some((login) => login.shown && login.registry === registry);
    }
    press("legend", "mark");
    press("risks", "risk");
    const found = new Set(logins.filter((login) => login.shown).map((login) => login.context)).size;
    byId("found").textContent = chosen.text || !free ? `Shown: ${counted(rows, "login")} in ${counted(found, "context")}.` : "";
    foldButton();
    drawLines();
  }
  const press = (id, name) => byId(id).querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(chosen[name] === button.dataset[name])));

  const isAnyOpen = () => boxes.some((box) => !box.folded);
  function foldButton() {
    byId("fold").textContent = isAnyOpen() ? "Fold all" : "Unfold all";
    byId("fold").hidden = !logins.length;
  }

  // Lines: from a login to its registry, and from context to context at the left edge.
  // There are lines for everything in sight while they are few, else only for what is selected.

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
    svg.querySelectorAll("g").forEach((found) => found.remove());
    if (chosen.group !== "context" || getComputedStyle(svg).display === "none") return;
    const origin = svg.getBoundingClientRect();
    const inSight = (box) => box.bottom > -NEAR && box.top < innerHeight + NEAR && box.height > 0;
    const frame = byId("registries").getBoundingClientRect();
    const registry = pointed.registry || chosen.registry;
    const isLoud = ({ login }) => login === pointed.login || (registry && login.registry === registry);
    const all = linesInSight(inSight);
    const isSelected = pointed.login || registry;
    const lines = all.length <= FEW ? all : all.filter(isLoud);
    fanIn(lines, frame);
    const casings = draw("g", {});
    svg.append(casings);
    lines.sort((one, other) => Number(isLoud(one)) - Number(isLoud(other)));
    for (const line of lines) {
      const loud = isLoud(line), kind = line.login.mark;
      const x1 = line.start.right - origin.left - 4, y1 = line.from - origin.top;
      const x2 = line.end.left - origin.left - 1, y2 = line.at - origin.top;
      const out = Math.max(x1, line.edge - origin.left) + 34, bend = (x2 - out) * 0.5;
      const d = `M${x1} ${y1}H${out}C${out + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
      casings.append(draw("path", { class: "casing", d }));
      svg.append(draw("g", { class: `${kind} ${isSelected && !loud ? "quiet" : ""} ${loud ? "loud" : ""}` }, draw("path", { class: `dash-${kind}`, d })));
    }
    drawLinks(svg, origin, inSight);
  }

  function linesInSight(inSight) {
    const ends = new Map([...registryButtons].map(([registry, button]) => [registry, button.getBoundingClientRect()]));
    const lines = [];
    for (const login of logins) {
      const end = ends.get(login.registry);
      if (!login.shown || !end || !end.height) continue;
      const box = contextOf(login).box;
      const start = (box.folded ? box.toggle : login.button).getBoundingClientRect();
      if (!inSight(start)) continue;
      const beside = box.folded ? box.logins.filter((other) => other.shown && other.registry) : [login];
      const apart = (beside.indexOf(login) - (beside.length - 1) / 2) * Math.min(7, 24 / beside.length);
      lines.push({ login, start, end, from: start.top + start.height / 2 + apart });
    }
    return lines;
  }

  // The ends at one registry are one below the other, in the order of their beginnings.
  function fanIn(lines, frame) {
    const edge = byId("contexts").getBoundingClientRect().right;
    for (const registry of new Set(lines.map((line) => line.login.registry))) {
      const own = lines.filter((line) => line.login.registry === registry).sort((one, other) => one.from - other.from);
      own.forEach((line, number) => {
        const inner = line.end.height - 16, at = line.end.top + 8 + (inner * (number + 0.5)) / own.length;
        line.at = Math.min(Math.max(at, frame.top), frame.bottom);
        line.edge = edge;
      });
    }
  }

  function drawLinks(svg, origin, inSight) {
    const all = [];
    for (const link of data.links) {
      const from = byName.get(link.from), to = byName.get(link.to) || holders.find((holder) => holder.name === link.to);
      if (!from || !to || from.element.hidden || (to.element || to.box).hidden) continue;
      const hot = Boolean(pointed.login) && (pointed.login.context === link.from || pointed.login.context === link.to);
      const a = headOf(from.element), b = headOf(to.element || to.box);
      if (a && b && (inSight(a) || inSight(b))) all.push({ link, a, b, hot });
    }
    const drawn = all.length <= FEW ? all.filter(({ link, hot }) => hot || !link.crowded) : all.filter(({ hot }) => hot);
    drawn.sort((one, other) => Math.abs(one.a.top - one.b.top) - Math.abs(other.a.top - other.b.top));
    const left = byId("contexts").getBoundingClientRect().left - origin.left;
    const paths = draw("g", {});
    drawn.forEach(({ link, a, b, hot }, number) => {
      const x1 = a.left - origin.left, y1 = a.top + a.height / 2 - origin.top - 3 + (number % 3) * 3;
      const x2 = b.left - origin.left - 1, y2 = b.top + b.height / 2 - origin.top - 3 + (number % 3) * 3;
      const out = left - 9 - (number % 6) * 6.5, turn = Math.min(9, Math.abs(y2 - y1) / 2), down = Math.sign(y2 - y1) || 1;
      const d = `M${x1} ${y1}H${out + turn}Q${out} ${y1} ${out} ${y1 + turn * down}V${y2 - turn * down}Q${out} ${y2} ${out + turn} ${y2}H${x2}`;
      const directed = ["sudo", "mount", "socket", "grant"].includes(link.what);
      paths.append(draw("path", { class: `link link-${link.what} dash-${dashOf(link.what)} ${hot ? "hot" : ""}`, d, "marker-end": "url(#tip)", ...(directed ? {} : { "marker-start": "url(#tip)" }) }));
    });
    svg.append(paths);
  }
  const headOf = (element) => {
    const box = (element.querySelector("h2, h3") || element).getBoundingClientRect();
    return box.height ? box : null;
  };

  // The trace of one login

  function facts(login) {
    const list = make("dl", { className: "facts" });
    const where = login.helper ? login.stored_in + (login.path ? `, named in ${login.path}` : "") : login.path + (login.plain_text ? " (plain text)" : "");
    const lines = [
      ["Context", login.context], ["Clients", login.clients.join(", ") || "none"], ["Config key", login.key], ["Registry", login.registry], ["User", login.user],
      ["Kind", login.kind], ["Stored in", where], ["Fingerprint", login.fingerprint], ["Expires", login.expires || (login.until_restart ? "at restart" : null)], ["Why", login.detail],
      ["Shared", sharesOf(login).map((share) => shareText(share, login.context)).join("; ")],
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

  // What to do next: the fix of this login where there is one, and the command that shows all findings of its context.
  function commands(login) {
    const next = [];
    if (login.hint) next.push(["Fix", login.hint]);
    if (BAD.has(login.mark)) next.push(["All findings there", login.doctor]);
    return next.map(([name, text]) => {
      const button = make("button", { type: "button", className: "copy" }, "Copy");
      const code = make("code", {}, text);
      button.addEventListener("click", () => copy(code, button));
      return make("p", { className: "command" }, make("span", {}, name), code, button);
    });
  }

  function copy(code, button) {
    getSelection().selectAllChildren(code);
    button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  }

  function open(login) {
    byId("trace-title").textContent = title(login);
    byId("trace-body").replaceChildren(
      make("p", { className: `verdict ${login.mark}` }, mark(login.mark), login.state), ...commands(login), facts(login), ...traced(login, "h3"));
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
    const stops = [...document.querySelectorAll("#contexts button")].filter((button) => button.offsetParent);
    const at = stops.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== byId("find")) return;
    event.preventDefault();
    stops[at + step]?.focus();
  }

  // Begin

  byId("title").textContent = document.title;
  byId("sentence").textContent = data.sentence;
  byId("by").append("Drawn ", make("time", { dateTime: data.drawn }, data.drawn.replace("T", " ").replace("Z", " UTC")), ` by ${data.drawn_by}`);
  riskCards();
  groupButtons();
  registryList();
  legend();
  linkList();
  group("context");
  paper();
  byId("find").addEventListener("input", (event) => { chosen.text = event.target.value.trim().toLowerCase(); show(); });
  byId("fold").addEventListener("click", () => {
    const folded = isAnyOpen();
    for (const box of boxes) fold(box, folded);
    foldButton();
    drawLines();
  });
  byId("trace").addEventListener("click", (event) => { if (event.target === byId("trace")) byId("trace").close(); });
  document.addEventListener("keydown", keys);
  addEventListener("resize", drawLines);
  addEventListener("scroll", drawLines, { passive: true });
})();
