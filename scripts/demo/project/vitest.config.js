export default { test: { include: ["test/**/*.test.js"], pool: "threads", isolate: false } };
