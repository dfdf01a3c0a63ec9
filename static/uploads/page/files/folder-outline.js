import { lastNameOf, parentOf } from "./place.js";

/** @typedef {{folder: string, name: string}} Subfolder */

/**
 * A folder of the outline, as it is displayed.
 * @typedef {object} OutlineRow
 * @property {string} folder the path; empty for the root
 * @property {string} name
 * @property {number} level from 1
 * @property {number} position among its siblings, from 1
 * @property {number} siblings with itself
 * @property {"open"|"closed"|"empty"|"loading"} state "empty": it has no folders inside
 */

/** The folders of the user as a tree, of which each branch is read when it is opened. */
export class FolderOutline {
  /** The folders inside of those that were read. @type {Map<string, Subfolder[]>} */
  #inside = new Map();
  /** @type {Set<string>} */
  #open = new Set();
  /** @type {Map<string, Promise<void>>} */
  #reading = new Map();
  #read;

  /** @param {(folder: string) => Promise<Subfolder[]>} read */
  constructor(read) {
    this.#read = read;
  }

  /** Those that can be seen, from top to bottom. @returns {OutlineRow[]} */
  get rows() {
    /** @type {OutlineRow[]} */
    const rows = [];
    /** @type {(subfolder: Subfolder, level: number, position: number, siblings: number) => void} */
    const add = ({ folder, name }, level, position, siblings) => {
      rows.push({ folder, name, level, position, siblings, state: this.#stateOf(folder) });
      if (!this.#open.has(folder)) return;
      const inside = this.#inside.get(folder) ?? [];
      for (const [index, each] of inside.entries()) add(each, level + 1, index + 1, inside.length);
    };
    add({ folder: "", name: "" }, 1, 1, 1);
    return rows;
  }

  /** @param {string} folder */
  isOpen(folder) {
    return this.#open.has(folder) && this.#inside.has(folder);
  }

  /**
   * @param {string} folder
   * @returns {Promise<void>} settled when it is open; rejects with what `read` rejects with
   */
  async open(folder) {
    this.#open.add(folder);
    if (this.#inside.has(folder)) return;
    const reading = this.#reading.get(folder) ?? this.#readInside(folder);
    this.#reading.set(folder, reading);
    try {
      await reading;
    } catch (error) {
      this.#open.delete(folder);
      throw error;
    } finally {
      this.#reading.delete(folder);
    }
  }

  /** @param {string} folder */
  close(folder) {
    this.#open.delete(folder);
  }

  /**
   * Opens all folders that contain this one.
   * @param {string} folder
   */
  async openUpTo(folder) {
    await this.open("");
    const names = folder.split("/").slice(0, -1);
    for (const index of names.keys()) await this.open(names.slice(0, index + 1).join("/"));
  }

  /**
   * Adds a folder that has just been created.
   * @param {string} folder
   */
  async add(folder) {
    const parent = parentOf(folder);
    await this.open(parent);
    const inside = this.#inside.get(parent) ?? [];
    if (!inside.some((each) => each.folder === folder)) inside.push({ folder, name: lastNameOf(folder) });
    inside.sort((one, other) => one.name.localeCompare(other.name));
    this.#inside.set(parent, inside);
    this.#inside.set(folder, []);
  }

  /** @param {string} folder */
  async #readInside(folder) {
    this.#inside.set(folder, await this.#read(folder));
  }

  /**
   * @param {string} folder
   * @returns {OutlineRow["state"]}
   */
  #stateOf(folder) {
    if (this.#reading.has(folder)) return "loading";
    const inside = this.#inside.get(folder);
    if (inside?.length === 0) return "empty";
    return this.#open.has(folder) && inside ? "open" : "closed";
  }
}
