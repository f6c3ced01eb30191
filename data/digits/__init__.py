"""1,797 handwritten digits, 8x8, the data set that ships with cnnkit; origin and licence in LICENSE.md."""
