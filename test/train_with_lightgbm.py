"""Trains LightGBM on rows from files and predicts: python train_with_lightgbm.py <job.json>. Prints JSON with the seconds taken."""

import json
import sys
import time

import lightgbm
import numpy

with open(sys.argv[1], encoding="utf-8") as file:
    job = json.load(file)
shape = (-1, job["columns"])
train = numpy.fromfile(job["features"], dtype=numpy.float64).reshape(shape)
labels = numpy.fromfile(job["labels"], dtype=numpy.uint8)
test = numpy.fromfile(job["test"], dtype=numpy.float64).reshape(shape)
seconds = []
for _ in range(job["rounds"]):
    started = time.perf_counter()
    data = lightgbm.Dataset(train, labels, params=job["params"], free_raw_data=False)
    model = lightgbm.train(job["params"], data, job["trees"])
    seconds.append(time.perf_counter() - started)
model.predict(test, raw_score=True).astype(numpy.float64).tofile(job["scores"])
json.dump({"seconds": seconds}, sys.stdout)
