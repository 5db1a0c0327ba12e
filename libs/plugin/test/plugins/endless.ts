await new Promise((resolve) => setTimeout(resolve, 60_000)); // longer than a plugin may take to load
export default {};
