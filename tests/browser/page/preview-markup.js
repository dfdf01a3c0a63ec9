/** The parts of templates/uploads/_preview_dialog.html that its scripts need; test_preview.py has the real one. */
export const STAGE = `
  <div data-stage>
    <div data-field="content" hidden></div>
    <p data-field="loading" hidden></p>
    <div data-field="message" hidden>
      <svg><use href="#kind-other"></use></svg>
      <p data-field="title"></p><p data-field="text"></p>
      <button data-retry hidden></button><button data-download hidden></button>
    </div>
    <button data-zoom hidden></button>
  </div>`;

const FIELDS = [
  ...["reason", "type_name", "content_type", "size", "dimensions", "folder", "created_at", "created_at_utc"],
  ...["confirmed_at", "confirmed_at_utc", "sha256", "sha256_parts", "id"],
];

export const DIALOG = `
  <button id="opener">open</button>
  <dialog>
    <h2 data-field="heading" tabindex="-1"><bdi></bdi></h2>
    <p data-field="position"></p>
    ${["details", "download", "close", "previous", "next"].map((name) => `<button data-action="${name}"></button>`).join("")}
    <p data-field="notice" hidden></p>
    ${STAGE}
    <section data-details>${FIELDS.map((name) => `<p data-field="${name}"></p>`).join("")}</section>
    <p data-field="announcement"></p>
  </dialog>`;
