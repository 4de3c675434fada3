export default {
  test: {
    globalSetup: "azurite-up/vitest",
    setupFiles: process.env.POOL === "threads" ? ["azurite-up/trust"] : [],
    pool: process.env.POOL,
    include: ["*.vitest.mjs"],
  },
};
