// Uppy's server Companion, as its documentation starts it in an Express app.
// Variables: PORT, S3_URL, BUCKET, FILE_PATH.
import * as companion from "@uppy/companion";
import express from "express";
import session from "express-session";

const { PORT, S3_URL, BUCKET, FILE_PATH, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env;
const app = express();
// A session is stored only if something is in it, which makes a request cheaper than the default.
app.use(session({ secret: "only-for-benchmarks", resave: false, saveUninitialized: false }));
app.get("/healthz", (_request, response) => response.json({}));
app.use(
  companion.app({
    secret: "only-for-benchmarks-0123456789",
    filePath: FILE_PATH,
    server: { host: `127.0.0.1:${PORT}`, protocol: "http" },
    uploadUrls: [S3_URL],
    corsOrigins: true,
    s3: {
      key: AWS_ACCESS_KEY_ID,
      secret: AWS_SECRET_ACCESS_KEY,
      bucket: BUCKET,
      region: "us-east-1",
      endpoint: S3_URL,
      forcePathStyle: true,
      getKey: ({ filename }) => `${crypto.randomUUID()}-${filename}`,
    },
  }).app,
);
app.listen(Number(PORT), "127.0.0.1");
