/** Words for the parts of a set, in file and folder names. */
const parts: Readonly<Record<string, string>> = {
  ...{ train: 'train', training: 'train' },
  ...{ val: 'validation', valid: 'validation', validation: 'validation' },
  ...{ test: 'test', testing: 'test' },
};

/** The part that a whole name stands for, letter case ignored: "valid" → validation. */
export const splitNamed = (name: string): string | undefined => parts[name.toLowerCase()];

/** The part in a name: "instances_val2017" → validation. The first such word counts. */
export function splitWithin(name: string): string | undefined {
  for (const word of name.split(/[^a-z]+/i)) {
    const part = splitNamed(word);
    if (part) return part;
  }
  return undefined;
}

/** The part that a file belongs to by its name, else by its folders, the innermost first. @param file with "/" between folders */
export function splitOfFile(file: string): string | undefined {
  for (const name of file.split('/').reverse()) {
    const part = splitWithin(name.replace(/\.[^.]*$/, ''));
    if (part) return part;
  }
  return undefined;
}
