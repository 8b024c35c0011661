// One entry of the browser's history a page and molecule, so that one press of Back leads back. Streamlit makes an entry
// of every change of the address that the server asks for: one of the page alone, others of what is shown on it.
export default function () {
  if (window.oneEntryEach) return;
  window.oneEntryEach = true;
  const moleculeOf = (address) => new URL(address, window.location.href).searchParams.get("smiles");
  let last = moleculeOf(window.location.href);
  window.addEventListener("popstate", () => { last = moleculeOf(window.location.href) ?? last; });
  const push = window.history.pushState.bind(window.history);
  window.history.pushState = (state, title, address) => {
    const samePage = new URL(address, window.location.href).pathname === window.location.pathname;
    const molecule = moleculeOf(address);
    const sameMolecule = molecule === null || molecule === last;
    last = molecule ?? last;
    if (samePage && sameMolecule) window.history.replaceState(state, title, address);
    else push(state, title, address);
  };
}
