/** What Django's `json_script` put on the page under this id. Throws when the page lacks it. */
export function readPageConfig<Config>(id: string): Config {
  const text = document.getElementById(id)?.textContent;
  if (!text) throw new Error(`The page has no configuration named ${id}.`);
  return JSON.parse(text) as Config;
}

/** The element a feature is mounted in. Throws when the page lacks it. */
export function findMount(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element named ${id}.`);
  return element;
}
