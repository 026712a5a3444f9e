import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "script", globals: globals.browser },
    rules: {
      "no-var": "error",
      "prefer-const": "error",
      "eqeqeq": ["error", "always"],
      "no-shadow": ["error", { builtinGlobals: false }],
      "no-implicit-coercion": "error",
      "no-param-reassign": "error",
      "no-return-assign": "error",
      "consistent-return": "error",
      "no-unused-expressions": "error",
      "prefer-template": "off",
      "max-depth": ["error", 3],
    },
  },
];
