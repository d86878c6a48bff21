// Whose pictures a draft holds.

// Pairs of a name and pictures. All are of the person who is named or, where nobody is, of those that their files name.
// What belongs to nobody yet has the name null.
export function groupsOf(drafted, name) {
  const groups = new Map();
  for (const picture of drafted) {
    const person = name.trim() || picture.group;
    groups.set(person, [...(groups.get(person) ?? []), picture]);
  }
  return [...groups];
}

export const allNamed = (groups) => groups.length > 0 && groups.every(([person]) => person);
