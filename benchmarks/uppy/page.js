// Uppy with the plugin for S3, as its documentation sets it up; with the Dashboard if asked to.
import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";
import Dashboard from "@uppy/dashboard";
import "@uppy/core/css/style.min.css";
import "@uppy/dashboard/css/style.min.css";

const parameters = new URLSearchParams(location.search);
const uppy = new Uppy({ autoProceed: true });
uppy.use(AwsS3, { companionEndpoint: parameters.get("companion") });
if (parameters.has("dashboard")) {
  document.querySelector("#file-input").remove();
  uppy.use(Dashboard, { inline: true, target: "#dashboard" });
} else {
  document.querySelector("#file-input").addEventListener("change", (event) => {
    uppy.addFiles([...event.target.files].map((file) => ({ name: file.name, type: file.type, data: file })));
  });
}
