/** A word of RFC 9110, section 5.6.2, without the asterisk, which stands for any type. */
const WORD = String.raw`[\w!#$%&'+.^\x60|~-]+`;
const PARAMETER = String.raw`\s*;(?:\s*${WORD}=(?:${WORD}|"[ !#-\[\]-~]*"))?`;
const TYPE = new RegExp(`^(${WORD}/${WORD})(?:${PARAMETER})*\\s*$`);
const BEGINNING = new RegExp(`^(${WORD}/${WORD})\\s*;`);
/** Characters; the server refuses more. */
const MAX_LENGTH = 255;

/**
 * The type to declare. A browser knows that of some files only, and repeats what programs have entered in the system's
 * registry, valid or not. Users could not repair that, so what the server would refuse is left out.
 * @param {string} type as the browser says
 */
export function declaredType(type) {
  const trimmed = type.trim();
  const match = TYPE.exec(trimmed);
  const known = match && trimmed.length <= MAX_LENGTH ? trimmed : (match ?? BEGINNING.exec(trimmed))?.[1];
  return known && known.length <= MAX_LENGTH ? known : "application/octet-stream";
}
