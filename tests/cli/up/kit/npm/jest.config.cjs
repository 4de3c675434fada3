module.exports = { globalSetup: "azurite-up/jest", testEnvironment: "node", testMatch: ["**/*.jest.cjs"] };
